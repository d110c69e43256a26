"""What is shown, in this order."""

from __future__ import annotations

from sandbox.demo.company import Company
from sandbox.demo.stage import Stage


def play(stage: Stage, company: Company) -> None:
    """Show all of it.

    Raises:
        CommandFailed: a command ended otherwise than it should.
    """
    stage.title(
        f"A company keeps {company.size} repositories on {len(company.places)} forges. "
        "mgit keeps them with you."
    )
    _begin(stage, company)
    _look(stage)
    _fetch(stage)
    _days_go_by(stage, company)
    _catch_up(stage)
    _work_everywhere(stage)


def _begin(stage: Stage, company: Company) -> None:
    stage.say("A token goes in once, by standard input; mgit tries it before it keeps it.")
    first, *others = company.places.values()
    stage.mgit(
        *("login", "github", "--forge", "github", "--url", first.url),
        *("--owner", first.estate.owners[0], "--stdin"),
        stdin=first.token_file,
    )
    stage.say(f"The other {len(others)} forges stand in ~/.config/mgit/config.toml already.")
    for place in others:
        user = {"user": place.estate.user} if place.estate.user else {}
        stage.configure(
            {
                f"sources.{place.estate.flavour}": {
                    "forge": place.estate.flavour,
                    "url": place.url,
                    "owners": place.estate.owners,
                    "token_file": str(place.token_file),
                    **user,
                }
            }
        )
    selection = {"include": ("acme/*", "community/*"), "filter": ("language=go",)}
    stage.configure({"defaults": {"root": "~/src"}, "selections.go": selection})


def _look(stage: Stage) -> None:
    stage.title("What is there?")
    stage.mgit("list", "lab/*", "community/*", "acme/*", "--filter", "language=python")
    stage.mgit("sync", "--dry-run", "lab/*")


def _fetch(stage: Stage) -> None:
    stage.title("Have all of it, and stay up to date.")
    stage.mgit("sync", stdout=stage.home / "first-sync.txt")
    stage.say("Once more: nothing changed, so nothing is fetched, and no git is started.")
    stage.mgit("sync")
    stage.say("Remember how all of it looks now.")
    stage.mgit("changes", "--quiet")


def _days_go_by(stage: Stage, company: Company) -> None:
    github, gitea, forgejo = company["github"], company["gitea"], company["forgejo"]
    stage.title("Meanwhile at the company …")
    stage.say(
        "somebody pushes to acme/billing and lab/sensor-hub, rewrites the history of\n"
        "community/sdk-go, renames acme/catalogue to acme/product-catalogue, archives\n"
        "lab/bench-rig, and starts acme/gift-cards"
    )
    github.push("acme", "billing", message="Round to the cent", tag="v2.0")
    gitea.push("lab", "sensor-hub", message="Read the third sensor")
    forgejo.push("community", "sdk-go", message="Begin anew", rewrite=True)
    github.rename("acme", "catalogue", "product-catalogue")
    gitea.archive("lab", "bench-rig")
    github.add_repo("acme", "gift-cards", private=True)
    stage.say("and you edit a file in acme/billing, and commit to acme/web-shop without pushing it")
    readme = stage.root / "acme" / "billing" / "README.md"
    readme.write_text(readme.read_text(encoding="utf-8") + "\nA thought.\n", encoding="utf-8")
    stage.git("acme/web-shop", "commit", "--quiet", "--allow-empty", "-m", "Try a new header")


def _catch_up(stage: Stage) -> None:
    stage.title("Catch up. What you have not finished is left alone, with the reason.")
    stage.mgit("changes")
    stage.mgit("sync")
    stage.mgit("status")


def _work_everywhere(stage: Stage) -> None:
    stage.title("Work in all of them at once.")
    stage.mgit("run", "lab/*", "--", "git", "log", "-1", "--oneline")
    stage.say("A selection may have a name; @go stands in the configuration.")
    stage.mgit("list", "@go")
