"""Reads a list with b24pysdk's keyset call as its documentation shows; prints the ids as one line of JSON.

Usage: python run_b24pysdk.py WEBHOOK_URL METHOD
The URL must be https: the client knows nothing else. REQUESTS_CA_BUNDLE names the authority to trust.
"""

import json
import sys
from urllib.parse import urlsplit

from b24pysdk import BitrixWebhook

if __name__ == "__main__":
    parts = urlsplit(sys.argv[1])
    token = BitrixWebhook(domain=parts.netloc, webhook_token=parts.path.removeprefix("/rest/"))
    answer = token.call_list_fast(sys.argv[2], {"select": ["*", "UF_*"]})
    json.dump({"ids": [int(row["ID"]) for row in answer["result"]], "warnings": []}, sys.stdout)
