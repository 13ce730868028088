"""The documentation as a site: every link leads somewhere, and its pages ask nobody outside for anything."""

import importlib.util
import re
from pathlib import Path

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

from tests.architecture.project import ROOT

LOADED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio)[^>]*\ssrc=["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|<link(?![^>]*rel=["']?canonical)[^>]*\shref=["']?((?:https?:)?//[^"'\s>]+)"""
)
IMPORTED = re.compile(r"""(?:@import\s+["']|url\(["']?)((?:https?:)?//[^"')]+)""")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = importlib.util.spec_from_file_location("site_of", ROOT / "docs/site_of.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    first: Path = module.make(tmp_path_factory.mktemp("site"))
    return first.parent


def test_every_page_is_in_it_and_nothing_else_of_ours(site: Path) -> None:
    written = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    pages = {path.with_name("index.html") if path.name == "README.html" else path for path in written}
    assert pages <= {path.relative_to(site) for path in site.rglob("*.html")}
    assert list(site.rglob("*.py")) == []


def test_its_pages_load_nothing_from_elsewhere(site: Path) -> None:
    found = {
        path.relative_to(site): [entry for several in LOADED.findall(path.read_text()) for entry in several if entry]
        for path in site.rglob("*.html")
    }
    assert len(found) > 100
    assert {page: urls for page, urls in found.items() if urls} == {}
    styles = {path.name: IMPORTED.findall(path.read_text()) for path in site.rglob("*.css")}
    assert styles
    assert [urls for urls in styles.values() if urls] == []


@pytest.mark.parametrize("link", ["nowhere.md", "#no-such-heading", "other.md#no-such-heading", "/absolute.md"])
def test_a_link_that_leads_nowhere_is_a_fault(link: str, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "index.md").write_text(f"# One\n\n[a link]({link}) and [one that leads somewhere](other.md#two).\n")
    (docs / "other.md").write_text("# Other\n\n## Two\n")
    more = {"docs_dir": str(docs), "site_dir": str(tmp_path / "site"), "nav": None, "not_in_nav": ""}
    with pytest.raises(Abort):
        build(load_config(str(ROOT / "mkdocs.yml"), strict=True, **more))
