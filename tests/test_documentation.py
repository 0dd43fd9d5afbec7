"""What the documents point to exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
LINK = re.compile(r"\[[^\]]*\]\((?!\w+:|#)([^)#\s]+)")
FILE_IN_TABLE = re.compile(
    r"`((?:multipliers|htp|torchapprox|analysis|benchmarks|docs|tests)/[\w./]*)`"
)
FILE_OF_TORCHAPPROX = re.compile(r"`((?:kernels|layers|operators|tracing)/[\w./]*)`")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_files_exist(document):
    text = document.read_text()
    targets = [document.parent / link for link in LINK.findall(text)]
    targets += [ROOT / name for name in FILE_IN_TABLE.findall(text)]
    targets += [ROOT / "torchapprox" / name for name in FILE_OF_TORCHAPPROX.findall(text)]
    assert [str(target) for target in targets if not target.exists()] == []


def test_the_search_for_links_finds_the_picture_of_the_readme():
    assert "docs/images/predicted_measured.png" in LINK.findall((ROOT / "README.md").read_text())


def test_the_page_of_the_architecture_has_every_folder():
    text = (ROOT / "docs" / "architecture.md").read_text()
    packages = ("multipliers", "htp", "torchapprox", "analysis")
    files = [file for top in packages for file in ROOT.glob(f"{top}/*/__init__.py")]
    folders = [f"`{file.parent.relative_to(ROOT)}/`" for file in files]
    assert len(folders) > 30
    assert [folder for folder in folders if f"| {folder} |" not in text] == []
