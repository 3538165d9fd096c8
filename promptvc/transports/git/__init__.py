"""git's protocols: so far the only transport.

remote    the port `Remote` over ssh, http, a socket, or to a repository on this machine
client    dulwich's clients over our wires; wire: bytes to and from a server
http httpconfig ssh credentials
"""
