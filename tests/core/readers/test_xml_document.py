"""XML of unknown origin: what is refused, and what is read whatever its encoding."""

from __future__ import annotations

import codecs
import socket
from pathlib import Path

import pytest

from physioclr_core.errors import RecordError
from physioclr_core.readers.xml_document import decimals, integers, number, parse_xml, text_at
from physioclr_core.readers.xml_text import root_is, root_name

NAME = "Jos\u00e9 \u5fc3\u7535\u56fe"


def write(folder: Path, content: bytes) -> Path:
    path = folder / "file.xml"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "is empty"),
        (b"\xff\xfe", "is empty"),
        (b'<!DOCTYPE z [<!ENTITY a "ha">]><z>&a;</z>', "has a document type with declarations of its own"),
        (b'<!DOCTYPE z [<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;]><z/>', "has a document type with declarations"),
        (b'<!DOCTYPE z [<!ATTLIST z a CDATA "default">]><z/>', "has a document type with declarations"),
        (b'<!DOCTYPE z SYSTEM "http://127.0.0.1:9/a.dtd"><z>&a;</z>', "is not well-formed XML (line 1, column"),
        (b"<z>" * 100, "has elements more than 64 deep"),
        (b"<z>" + b"<a/>" * 300_000 + b"</z>", "has more than 200000 elements"),
        (b"<z " + b" ".join(b'a%d=""' % n for n in range(800_000)) + b"/>", "has a tag or comment of more than 4 MB"),
        (b"<z><!--" + b"a" * 6_000_000 + b"--></z>", "has a tag or comment of more than 4 MB"),
        (b"<z>" + b"1 " * 13_000_000 + b"</z>", "is too large"),
        (b"<z><a></z>", "is not well-formed XML (line 1, column"),
        (b"<z><a>", "is cut off: the file ends before its last element does"),
        (b'<z a="', "is cut off"),
        (b"<z>\x01</z>", "is not well-formed XML"),
        (b'<?xml version="1.0" encoding="zip"?><z/>', "says that its text is in 'zip', which is no encoding of XML"),
        (b'<?xml version="1.0" encoding="klingon"?><z/>', "says that its text is in 'klingon', which is no known"),
        (b"\xff\xfe<\x00z\x00>\x00\x00\xd8<\x00", "is damaged: its text is not valid UTF-16-LE"),
        (b"<y/>", "is XML of another kind: its root element is 'y'"),
    ],
)
def test_is_refused_in_one_sentence(tmp_path: Path, content: bytes, cause: str) -> None:
    with pytest.raises(RecordError) as caught:
        parse_xml(write(tmp_path, content), "z")
    assert caught.value.cause.startswith(cause)


def test_entity_bomb_takes_no_time(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE z [<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 20))
    with pytest.raises(RecordError, match="refused"):
        parse_xml(write(tmp_path, f"{bomb}]><z>&a19;</z>".encode()))


def test_document_type_that_only_names_itself_is_neither_refused_nor_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_network(*args: object) -> None:
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    for location in ("restecg.dtd", "http://127.0.0.1:9/restecg.dtd", "/etc/passwd"):
        assert parse_xml(write(tmp_path, f'<!DOCTYPE z SYSTEM "{location}"><z/>'.encode())).root.tag == "z"


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("UTF-8", "utf-8"),
        ("UTF-8", "utf-8-sig"),
        ("UTF-16", "utf-16"),
        ("UTF-16", "utf-16-le"),
        ("UTF-16", "utf-16-be"),
        ("GB2312", "gb18030"),
        ("gbk", "gb18030"),
        # Wrong declarations that the bytes themselves correct.
        ("UTF-8", "utf-16"),
        ("UTF-16", "utf-8"),
    ],
)
def test_text_is_right_in_every_encoding(tmp_path: Path, declared: str, encoding: str) -> None:
    content = f'<?xml version="1.0" encoding="{declared}"?>\n<n:z xmlns:n="urn:x"><n:a>{NAME}</n:a></n:z>'
    path = write(tmp_path, content.encode(encoding))
    document = parse_xml(path, "z")
    assert text_at(document.root, "a") == NAME
    assert document.warnings == ()
    assert root_is("z")(path, path.read_bytes()[:4096])


def test_bytes_that_are_not_of_the_declared_encoding_are_read_and_told(tmp_path: Path) -> None:
    path = write(tmp_path, '<?xml version="1.0" encoding="UTF-8"?><z>Jos\u00e9</z>'.encode("latin-1"))
    document = parse_xml(path)
    assert document.root.text == "Jos\u00e9"
    assert "not valid UTF-8" in document.warnings[0]
    path = write(tmp_path, '<?xml version="1.0" encoding="US-ASCII"?><z>Jos\u00e9</z>'.encode())
    assert parse_xml(path).root.text == "Jos\u00e9"
    assert "says that its text is ascii, but it is utf-8" in parse_xml(path).warnings[0]


def test_padding_after_the_root_is_no_fault(tmp_path: Path) -> None:
    assert parse_xml(write(tmp_path, b"<z/>\r\n" + b"\x00" * 500)).root.tag == "z"


def test_attributes_lose_their_namespace_but_hide_no_plain_one(tmp_path: Path) -> None:
    content = b'<z xmlns:x="urn:x" type="plain" x:type="other" x:only="1"/>'
    assert parse_xml(write(tmp_path, content)).root.attrib == {"type": "plain", "only": "1"}


def test_root_is_found_behind_comments_and_in_every_form() -> None:
    assert root_name(b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- <a> -->\n<!DOCTYPE z SYSTEM "z.dtd">\n<p:z b="1"') == "z"
    assert root_name(codecs.BOM_UTF16_LE + "<z>".encode("utf-16-le")) == "z"
    assert root_name(b"<z") is None
    assert root_name(b"{}") is None


def test_root_is_found_behind_comments_longer_than_the_first_bytes(tmp_path: Path) -> None:
    path = write(tmp_path, b"<!-- " + b"a" * 20_000 + b" --><z/>")
    assert root_is("z", "y")(path, path.read_bytes()[:4096])
    assert not root_is("y")(path, path.read_bytes()[:4096])


@pytest.mark.parametrize("text", ["1 a", "--5", "5-6", "1_0", "9" * 400, "4294967296", "1.5", "\u0661"])
def test_samples_that_are_no_whole_numbers_are_refused(text: str) -> None:
    with pytest.raises(RecordError, match="lead I"):
        integers(Path("file.xml"), text, "lead I")


def test_lists_of_numbers_are_read_with_any_separator() -> None:
    assert integers(Path("f"), "\n1,-2;\t+3 4,", "I").tolist() == [1, -2, 3, 4]
    assert integers(Path("f"), " ", "I").size == 0
    assert integers(Path("f"), "123 " * 700_000, "I").tolist() == [123] * 700_000
    assert decimals(Path("f"), "1.5 -2e1", "I").tolist() == [1.5, -20.0]
    with pytest.raises(RecordError, match="more than 6000000 samples in lead I"):
        integers(Path("f"), "1 " * 7_000_000, "lead I")


@pytest.mark.parametrize(
    ("text", "value"), [("1", 1.0), (" -1.5 ", -1.5), ("4,88", 4.88), ("1e-3", 0.001), ("", None), ("nan", None)]
)
def test_numbers_are_plain_numbers(text: str, value: float | None) -> None:
    assert number(text) == value


@pytest.mark.parametrize("text", ["inf", "1e999", "1_0", "0x10", "1 2", "--1", "1.2.3", "\u0661"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert number(text) is None
