"""Links to files carry a session: it never leaves the tap, and nothing else is cut (docs/decisions.md#decision-8)."""

import pytest

from tap_bitrix24.model.field import Field
from tap_bitrix24.records.converter import RowConverter
from tap_bitrix24.records.secrets import without_secrets
from tap_bitrix24.schema.columns import UNPARSED, build_columns


@pytest.mark.parametrize(
    ("link", "clean"),
    [
        ("/show_file.php?auth=abc&ownerId=1", "/show_file.php?ownerId=1"),
        ("/show_file.php?ownerId=1&auth=abc", "/show_file.php?ownerId=1"),
        ("/show_file.php?auth=abc", "/show_file.php"),
        ("https://p.bitrix24.com/f?a=1&token=T%2B1&b=2", "https://p.bitrix24.com/f?a=1&b=2"),
        ("https://p.bitrix24.com/f?AUTH=1&Signature=x", "https://p.bitrix24.com/f"),
        ("https://p.bitrix24.com/f?sessid=1&sign=2&access_token=3&keep=4", "https://p.bitrix24.com/f?keep=4"),
        ("https://p.bitrix24.com/f?author=Ann&design=2", "https://p.bitrix24.com/f?author=Ann&design=2"),
        ("/f.php?id=1&auth%5Bauth%5D=S3CRET&auth[aplogin]=9&auth%5Bap%5D=S3&ncc=1", "/f.php?id=1&ncc=1"),
        ("https://p/f?ap=1&map=2&aplogin=3", "https://p/f?map=2"),
        ("see https://p/f?auth[ap]=S3&x=1 there", "see https://p/f?x=1 there"),
        ("https://p.bitrix24.com/rest/1/s3cret/download/", "https://p.bitrix24.com/rest/1/download/"),
        ("https://site.ru/?", "https://site.ru/?"),
        ("Были на https://site.ru?", "Были на https://site.ru?"),
        ("see https://p.bitrix24.com/f?auth=abc and call back", "see https://p.bitrix24.com/f and call back"),
        ("?action=export&sign=5e79&type=user", "?action=export&type=user"),
        ("?sign=5e79", ""),
        ("f.php?auth=abc&id=1", "f.php?id=1"),
        ("[URL=https://p/f?auth=abc]here[/URL]", "[URL=https://p/f]here[/URL]"),
        ("[IMG]/f.php?id=1&auth=abc[/IMG]", "[IMG]/f.php?id=1[/IMG]"),
        ('<a href="/f?auth=abc">here</a>', '<a href="/f">here</a>'),
        ("<img src='/f?id=1&token=T'/><p>ok</p>", "<img src='/f?id=1'/><p>ok</p>"),
        ('<img src="/f?id=1&amp;auth=abc&amp;x=2">', '<img src="/f?id=1&amp;x=2">'),
        ('<img src="/f?id=1&amp;auth=abc">', '<img src="/f?id=1">'),
        ("Согласны? auth=abc", "Согласны? auth=abc"),
        ("auth=abc&x", "auth=abc&x"),
    ],
)
def test_secrets_are_cut_out_of_links(link: str, clean: str) -> None:
    assert without_secrets(link) == clean
    assert without_secrets({"a": [link]}) == {"a": [clean]}


def test_no_secret_in_file_columns_nor_among_unparsed_values() -> None:
    columns = build_columns([Field("UF_F", "file"), Field("UF_FS", "file", multiple=True)], types={})
    file = {"id": 7, "showUrl": "/f.php?auth=S3CRET&id=7", "downloadUrl": "/f.php?id=7&auth=S3CRET"}
    link = "https://p/x?auth=S3CRET"
    records = RowConverter(columns)([{"UF_F": file, "UF_FS": [file]}, {"UF_F": link, "UF_FS": [link], "new": file}])
    assert "S3CRET" not in repr(records)
    assert records[0]["uf_f"] == {"id": 7, "showUrl": "/f.php?id=7", "downloadUrl": "/f.php?id=7"}
    assert records[1][UNPARSED] == {"uf_f": "https://p/x", "uf_fs": ["https://p/x"], "new": records[0]["uf_f"]}
