"""EPMD against the real thing: our server for BEAMs, our client at OTP's EPMD."""
