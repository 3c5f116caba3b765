"""b24pysdk's `call_list_fast`, as its documentation shows it; prints rows, distinct ids and seconds as JSON.

Usage: python run_b24pysdk.py WEBHOOK_URL METHOD
The client knows https only; what it posts is sent by http, so that everybody reads the same portal without TLS.
"""

import importlib
import json
import sys
import time
from typing import Any
from urllib.parse import urlsplit


def main() -> None:
    parts = urlsplit(sys.argv[1])
    http: Any = importlib.import_module("requests")
    post = http.post
    http.post = lambda url, **options: post(url.replace("https:", "http:", 1), **options)
    library: Any = importlib.import_module("b24pysdk")
    token = library.BitrixWebhook(domain=parts.netloc, webhook_token=parts.path.removeprefix("/rest/"))
    began, rows, ids = time.perf_counter(), 0, set()
    for row in token.call_list_fast(sys.argv[2], {"select": ["*", "UF_*"]})["result"]:
        rows += 1
        ids.add(row["ID"])
    seconds = time.perf_counter() - began
    json.dump({"rows": rows, "distinct": len(ids), "seconds": seconds}, sys.stdout)


if __name__ == "__main__":
    main()
