"""How history travels: to and from other git repositories.

    remote        the port that a remote implements, and the values that pass through it
    urls          where a remote is: parsed, and shown without passwords
    settings      what a transport may use: environment, ssh program, token, time limits
    credentials   who we are over http: the URL, a token, git's credential helpers
    git           the remote that speaks git, over every kind of URL
    client        dulwich's clients, over our wires, with our packs
    http          git's smart protocol over http
    httpconfig    git's http.* configuration for one URL
    wire          git's protocol over a program or a socket
    ssh           the user's own ssh program
    progress      what the server says, as numbers or as text
    failures      what went wrong, in one line

The modules `git`, `http` and `client` import dulwich when they are imported: import them where they are used.
"""
