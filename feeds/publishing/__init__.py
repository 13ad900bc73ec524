"""Turn a feed's URL into a document: views, archives, access, formats, WebSub."""
