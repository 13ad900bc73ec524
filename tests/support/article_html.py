"""Generated bodies: article-like ones in the shapes of real articles, and tag soup."""

from __future__ import annotations

from hypothesis import strategies as st

_WORDS = st.sampled_from(
    "渡轮 港口 “海燕号” 复航。 潮水，灯塔； the tide A&amp;B 1&lt;2 &nbsp; &mdash; 100% 🚢 𠀀 "
    "2026年3月 （示例） 获取更多RSS".split(" ")
)
_TEXT = st.lists(_WORDS, min_size=1, max_size=8).map(" ".join)
_PICTURES = st.sampled_from(
    [
        "https://images.weserv.nl/?url=img.example.org/{}.jpg",
        "https://images.weserv.nl?url=img.example.org/{}.jpg",
        "https://wsrv.nl/?url=https%3A%2F%2Fimg.example.org%2F{}.jpg&amp;w=8",
        "//img.example.org/{}.jpg",
        "/pictures/{}.jpg?utm_source=x&id={}",
        "https://img.example.org/港口 {}.jpg",
        "data:image/gif;base64,R0lGODlhAQABA{}",
        "",
    ]
)
_NUMBER = st.integers(1, 4).map(str)
_ADDRESS = st.builds(lambda shape, number: shape.replace("{}", number), _PICTURES, _NUMBER)
_HREF = st.sampled_from(
    [
        "https://example.org/a?id=1&amp;utm_source=x&fbclid=2#part",
        "https://api.dw.com/api/detail/article/9000001",
        "/local?x=%E6%B8%AF&amp;amp;utm_x=1",
        "//example.org/%zz?a|b",
        "javascript:void(0)",
        "file:///C:/a",
        "https://www.example.comhttps://example.org/",
        "mailto:desk@example.org",
        "",
        "港口 https:/example.org/x",
        "https://out.example.net/?u=https%3A%2F%2Fexample.org",
        "#note",
    ]
)
_INLINE = st.one_of(
    _TEXT,
    st.builds(
        lambda tag, text: f"<{tag} class='x'>{text}</{tag}>",
        st.sampled_from("b em span font u o:p".split()),
        _TEXT,
    ),
    st.builds(lambda href, text: f'<a target="_blank" href="{href}">{text}</a>', _HREF, _TEXT),
    st.builds(lambda address: f'<img src="{address}" width="100%" alt="a">', _ADDRESS),
    st.sampled_from(["<br>", "<br/>", "<b></b>", "<!-- x -->", "<b> </b>", "<img>", "<span></span>"]),
)
_RUN = st.lists(_INLINE, max_size=5).map("".join)
_BLOCK = st.one_of(
    st.builds(lambda run: f"<p>{run}</p>", _RUN),
    st.builds(
        lambda tag, run: f"<{tag}>{run}</{tag}>",
        st.sampled_from(["h2", "div", "section", "article", "blockquote"]),
        _RUN,
    ),
    st.builds(
        lambda address, run: (
            f'<img src="{address}" width="100%"><div><small style="color: #999;">{run}</small></div>'
        ),
        _ADDRESS,
        _RUN,
    ),
    st.builds(
        lambda address, run: (
            f'<figure><img src="{address}"><figcaption>{run}</figcaption><small></small></figure>'
        ),
        _ADDRESS,
        _RUN,
    ),
    st.builds(
        lambda address: (
            f'<p><img src="data:image/gif;base64,R0l" data-lazy-src="{address}">'
            f'<noscript><img src="{address}"></noscript></p>'
        ),
        _ADDRESS,
    ),
    st.builds(lambda address: f'<picture><source srcset="{address} 2x"><img></picture>', _ADDRESS),
    st.builds(lambda run: f"<ul><li>{run}</li><li></li></ul>", _RUN),
    st.builds(lambda run: f"<table><tr><td>{run}</td><td></td></tr></table>", _RUN),
    st.builds(lambda href: f'<video src="{href}" autoplay><source src="{href}"></video>', _HREF),
    st.sampled_from(
        [
            "<div><i>林知夏<br>2026-03-29T11:52:18.204Z</i></div>",
            "<div><i>Sat, 04 Apr 2026 02:04:53 GMT</i></div>",
            '<br><hr><div>获取更多RSS：<br><a href="https://feedx.net">https://feedx.net</a><br></div>',
            '<iframe src="https://www.youtube.com/embed/SampleOrch8" title="x"></iframe>',
            "<iframe></iframe>",
            "<script>var a = '<p>x</p>'</script><style>p{}</style>",
            "<form><input><button>x</button></form>",
            "<svg><title>x</title><path/></svg>",
            "<hr>",
            "<p>&nbsp;</p>",
            '<div id="zoomattribute"><img src="/icon-zoom.png"></div>',
            "<!-- x -->",
            "\n",
        ]
    ),
)
_BOX = st.recursive(
    _BLOCK,
    lambda inner: st.builds(
        lambda tag, blocks: f"<{tag} class='m'>{''.join(blocks)}</{tag}>",
        st.sampled_from("div section article main header aside center".split()),
        st.lists(inner, max_size=4),
    ),
    max_leaves=10,
)
articles = st.lists(_BOX, max_size=6).map("".join)
"""Well-formed bodies of the shapes that docs/input-facts.md counts."""

_TAGS = (
    "p div a b i span font small figure figcaption img br hr ul ol li table tr td th caption h1 h2 "
    "blockquote pre video audio source picture iframe noscript script style svg math mi form button "
    "select option textarea "
    "template title center section ruby rt object marquee details summary nobr body html head frameset col "
    "colgroup dl dt dd o:p x-y"
).split()
_ATTRIBUTES = st.sampled_from(
    [
        "",
        ' href="https://example.org/?utm_source=1&a=2"',
        " href='javascript:alert(1)'",
        ' src="https://images.weserv.nl/?url=img.example.org/1.jpg"',
        " src=x data-src=y onerror=alert(1)",
        ' srcset="a 1x, b 2x"',
        ' class="a" id="b" style="color:red"',
        ' data-x="{"a": "b"}"',
        ' xlink:href="javascript:x" poster="//p.example.org/1"',
        ' lang="zh" dir=rtl width=1 height="100%"',
        " ; =\"' <",
        ' cite="data:x" src="" href',
    ]
)
_TOKEN = st.one_of(
    st.builds(lambda tag, attributes: f"<{tag}{attributes}>", st.sampled_from(_TAGS), _ATTRIBUTES),
    st.sampled_from(_TAGS).map(lambda tag: f"</{tag}>"),
    _TEXT,
    st.sampled_from(
        [
            "<",
            "</",
            "<!--",
            "-->",
            "<![CDATA[x]]>",
            "<?xml?>",
            "&#8;",
            "&#xD800;",
            "&",
            "\x00",
            " ",
            "\n",
            "‮",
            "'",
            '"',
            ">",
        ]
    ),
    st.text(max_size=6),
)
soup = st.lists(_TOKEN, max_size=25).map("".join)
"""Tags, ends and fragments in any order."""
