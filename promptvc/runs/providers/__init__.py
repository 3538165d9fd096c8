"""Providers: who answers requests.

registry  the port `Provider`, and which one a configuration means
answer    what a provider gives for one request; pricing: what it cost
command openai python   the three that there are
"""
