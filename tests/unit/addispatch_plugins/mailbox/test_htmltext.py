"""html_to_text: quotes get their marks, what is hidden or a signature goes, nonsense does no harm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addispatch_plugins.mailbox.htmltext import html_to_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>A123 on <b>my</b>&nbsp;way</p>", "A123 on my way"),
        ("<div>one</div><div>two<br>three</div>", "one\ntwo\nthree"),
        ("a<blockquote>b<blockquote>c</blockquote>d</blockquote>e", "a\n> b\n> > c\n\n> d\n\ne"),
        ('a<div class="gmail_quote">b<div>c</div>d</div>e', "a\n> b\n> c\n> d\n\ne"),
        ('a<div id="divRplyFwdMsg">b</div>c', "a\n________________________________"),
        ('a<div id="x_x_divRplyFwdMsg">b</div>c', "a\n________________________________"),
        ("a<hr>b", "a\n________________________________"),
        ('a<div style="border:none;border-top:solid #B5C4DF 1.0pt">b</div>c', "a\n________________________________"),
        ('a<div class="gmail_signature">b<div>c</div></div>d', "a\nd"),
        ('a<span style="display: none">b</span>c', "a\nc"),
        ("<style>p{}</style><script>if (a<b) x</script><title>t</title>a", "a"),
        ("a<!-- b -->c", "ac"),
        ("a<!-- b", "a"),
        ("1 < 2 &lt; 3 &#65; &bogus;", "1 < 2 < 3 A &bogus;"),
        ("a<![if !mso]>b<![endif]>c<?xml x?>d<!DOCTYPE html>e", "abcde"),
        ("<table><tr><td>a</td></tr></table>", "a"),
        ("", ""),
        ("plain\nlines", "plain lines"),
        ("<blockquote>unclosed<p>more", "> unclosed\n> more"),
    ],
)
def test_examples(html, text):
    assert html_to_text(html).strip() == text


@given(
    st.lists(
        st.sampled_from(
            ["<div>", "</div>", "<blockquote>", "</blockquote>", "x", "<p", ">", "<!--", '<a b="', "&", "<br>"]
        )
    )
)
def test_never_raises_and_makes_up_nothing(pieces):
    html = "".join(pieces)
    assert html_to_text(html).count("x") <= html.count("x")


@given(st.lists(st.sampled_from(["<div>", "</div>", "<p>", "<br>", "</p>", "A123", '<div class="gmail_quote">'])))
def test_what_is_in_an_open_quote_is_marked(pieces):
    html = "".join(piece for piece in pieces if piece != "</blockquote>")
    assert all(line.startswith(">") for line in html_to_text(f"<blockquote>{html}").splitlines() if "A123" in line)
