"""List the hosts whose addresses lead elsewhere, where only a request could tell the publisher. Pure."""

from __future__ import annotations

from feeds.text import urls

# Addresses that contain their target are in packs/redirects.yaml. These do not, or not always: feed services
# that count clicks, shorteners, and readers that wrap every link.
REDIRECT_HOSTS = frozenset(
    """
    feedproxy.google.com feeds.feedburner.com feeds2.feedburner.com feedproxy.feedburner.com
    rss.feedsportal.com da.feedsportal.com feedpress.me feedpress.it feeds.feedblitz.com
    rss.pheedo.com www.pheedo.com pheedo.com api.pheedo.com ift.tt news.google.com flip.it trib.al
    dlvr.it bit.ly bitly.com j.mp t.co t.cn goo.gl g.co is.gd v.gd ow.ly buff.ly tinyurl.com tiny.cc
    cutt.ly rebrand.ly shorturl.at rb.gy lnkd.in fb.me amzn.to wp.me nyti.ms reut.rs bbc.in econ.st
    pse.is reurl.cc url.cn dwz.cn suo.im mtw.so 0rz.tw ppt.cc s.id t.ly l.facebook.com
    lm.facebook.com l.instagram.com href.li anon.to nullrefer.com
    """.split()
)


def is_redirect_host(host: str) -> bool:
    """Return whether the addresses of a host lead to other publishers."""
    return not REDIRECT_HOSTS.isdisjoint(urls.parent_domains(host))
