"""How a mail is written for others to read: CRLF, ASCII where it can be, and headers that stay as they are.

Headers are folded at RFC 5322's hard limit of 998, not at 78: the standard library writes whatever is longer than a
line and has no blank in it, a link or a Message-ID, as encoded words, which nobody reads as a link.
"""

from __future__ import annotations

from email.policy import SMTP, SMTPUTF8

LINE = 998
"""Characters of one line (RFC 5322, 2.1.1)."""
ASCII = SMTP.clone(max_line_length=LINE, cte_type="7bit")
UTF8 = SMTPUTF8.clone(max_line_length=LINE)
"""For addresses that are not ASCII (RFC 6532)."""
