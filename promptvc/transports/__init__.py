"""Transports: to and from other git repositories.

    remote        the port that a remote implements, and the values that pass through it
        urls          remote addresses: parsed, and shown without passwords
    settings      what a transport may use: environment, ssh program, token, time limits
        credentials   credentials for http: the URL, a token, git's credential helpers
        git           the remote that speaks git, over every kind of URL
        client        dulwich's clients, over our wires, with our packs
    http          git's smart protocol over http
    httpconfig    git's http.* configuration for one URL
    wire          git's protocol over a program or a socket
    ssh           the user's own ssh program
        progress      the server's messages, as numbers or as text
        failures      error messages for failures

The modules `git`, `http` and `client` import dulwich: import them only where they are used.
"""
