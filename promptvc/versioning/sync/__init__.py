"""History to and from remotes.

fetch        objects first, checked; refs last. negotiation: informing a server what we have
push         objects first, then refs, by compare-and-swap
missing      what one side lacks, and whether what came is whole
refspec      which refs become which; refchange: what became of one
"""
