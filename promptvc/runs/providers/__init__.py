"""Providers: who answers requests.

registry  the port `Provider`, and which provider a configuration means
answer    what a provider returns for one request; pricing: what it cost
command openai python   the three providers
"""
