"""fast-bitrix24's `get_all`, as its README shows it; prints rows, distinct ids and seconds as JSON.

Usage: python run_fast_bitrix24.py WEBHOOK_URL METHOD [REQUESTS_IN_FLIGHT]
Without the last argument its defaults stand, with it the semaphore of its request handler is set.
"""

import importlib
import json
import sys
import time
import warnings
from typing import Any


def main() -> None:
    url, method, *in_flight = sys.argv[1:]
    library: Any = importlib.import_module("fast_bitrix24")
    client = library.Bitrix(url, verbose=False)
    if in_flight:
        client.srh.mcr_max = client.srh.mcr_cur_limit = int(in_flight[0])
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = client.get_all(method, {"select": ["*", "UF_*"]})
    seconds = time.perf_counter() - began
    json.dump({"rows": len(rows), "distinct": len({row["ID"] for row in rows}), "seconds": seconds}, sys.stdout)


if __name__ == "__main__":
    main()
