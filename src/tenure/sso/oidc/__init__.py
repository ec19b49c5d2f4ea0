"""The OpenID Connect provider: the protocol is Authlib's, who may and what is kept are ours."""
