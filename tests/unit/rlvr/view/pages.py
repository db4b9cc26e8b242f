"""A page as a test reads it, and text that would like to be more than text."""

from html.parser import HTMLParser

VOID = {"meta", "br", "link", "input", "img"}
LOADERS = {"script", "link", "img", "iframe", "object", "embed", "base", "form", "video", "audio", "image", "use", "a"}

HOSTILE = [
    "<script>alert(1)</script>",
    "</pre></article><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "'; </style><style>*{display:none}",
    "{{ 7 * 7 }} {% raw %}",
    "\x00\x1b[31mred\u202etxet desrever \ufeff",
    "]]> <!-- &lt;b&gt; &#x3c;script",
]


class Page(HTMLParser):
    """Fails on a tag that is not closed in its turn; keeps what a test wants to know."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.labels: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        self.labels += [value or "" for name, value in attrs if name == "aria-label"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())
