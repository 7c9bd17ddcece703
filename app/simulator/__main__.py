"""`python -m app.simulator [port]`: the simulator alone, on 127.0.0.1."""

import sys

from app.simulator.serve import serve

serve(host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 8090)
