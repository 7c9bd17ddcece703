"""The certificates that tests trust, read once: httpx reads them for each client, 30 ms each time."""

import httpx

TLS = httpx.create_ssl_context()
