"""Hints: what a user types next, by the advice of an error."""

from __future__ import annotations

from promptvc.errors import PromptvcError

HINTS = {
    "add-remote": "promptvc remote add origin URL",
    "again-or-as-is": "promptvc merge --abort, then merge again; or promptvc resolve PATH --as-is",
    "as-is": "edit the file, then promptvc resolve PATH --as-is",
    "author-unknown": 'git config --global user.name "Your Name"; git config --global user.email you@example.com',
    "begin-again": "promptvc {step} --abort, then begin it again",
    "calls-missing": "promptvc fetch may bring them; promptvc run without --offline asks for them",
    "check-access": "check the address with: promptvc remote; some hosts also answer this to accounts without access",
    "check-address": "check the address with: promptvc remote",
    "check-disk": "check the disk, then try again; promptvc fsck checks the store",
    "check-server": "is it a git server? check the address with: promptvc remote",
    "choose-prompt": "--prompt-label chooses: {known}",
    "choose-provider": "--provider chooses: {known}",
    "clone-any-branch": "promptvc clone without -b takes the remote's own choice",
    "clone-elsewhere": "give another folder: promptvc clone URL FOLDER",
    "clone-interrupted": "a clone was interrupted there: promptvc -C {root} status brings the rest of its files",
    "commit-or-restore": "commit them first; or promptvc restore --force, which promptvc undo takes back",
    "commit-whole": "promptvc commit without paths concludes it",
    "conclude": "promptvc commit concludes the {step}",
    "conflicts-remain": "promptvc resolve lists them; promptvc {step} --abort gives the {step} up",
    "diverged": "promptvc log --graph HEAD @{upstream} shows how",
    "edit-lines": "--edit opens the lines in the editor",
    "fetch-first": "promptvc fetch, look at what is new there, and push again",
    "first-commit": "promptvc commit makes the first one",
    "first-run": "promptvc run makes one, promptvc record takes outputs in",
    "fsck": "promptvc fsck tells more",
    "interrupted": "promptvc undo --force settles it; what the files hold now is kept, and promptvc undo brings it"
    " back",
    "list-all-operations": "promptvc undo --list shows what was done before and since",
    "list-conflicts": "promptvc resolve lists those that are left",
    "list-operations": "promptvc undo --list shows them",
    "list-remotes": "promptvc remote lists them",
    "log": "promptvc log shows what was committed",
    "log-commits": "promptvc log shows its commits",
    "log-damaged": "promptvc fsck --repair drops it; what it told of cannot be undone then",
    "make-run": "promptvc run makes them",
    "map-key": "--example-key OURS=THEIRS names fields of both; there are {known}",
    "match-key": "--example-key names the field that both have; without examples, outputs keep their own keys",
    "merge-interrupted": "promptvc {step} --abort, then begin it again; promptvc undo takes back what was interrupted",
    "merge-open": "promptvc resolve lists them; promptvc {step} --abort gives it up",
    "merge-resolved": "promptvc commit concludes it; promptvc {step} --abort gives it up",
    "merge-unreadable": "promptvc undo takes the merge back; or rm {path}, which leaves the files as they are",
    "moved-elsewhere": "git or another process moved it: promptvc log shows what is there; move it back, then undo"
    " again",
    "name-file": "--from names the file that the other tool wrote",
    "name-format": "--format is one of {known}",
    "name-key": "--example-key FIELD names the field that outputs and examples share",
    "name-one-file": "--from names one file",
    "name-sample": "--sample names the field that tells samples apart",
    "name-score": "--score NAME=PATH names one",
    "no-merge-open": "promptvc merge BRANCH starts one",
    "no-working-files": "promptvc clone makes a copy that has",
    "not-a-store": "promptvc init starts one here",
    "not-only-forward": "leave --ff-only out to merge them",
    "not-trusted": "promptvc config trust lets it run; look at promptvc.toml first",
    "object-missing": "promptvc fsck tells more; fetch may bring it back",
    "overwrite": "commit them first, or give --force to overwrite them",
    "path-log": "promptvc log {path} shows which commits have it",
    "pin-examples": "promptvc run and promptvc record --examples pin them",
    "prune": "promptvc fetch --prune forgets the branches that are gone there",
    "pull-first": "promptvc pull first",
    "push-elsewhere": "push to an empty repository, or to one that promptvc push filled",
    "push-force": "push --force replaces it",
    "record-elsewhere": "record under another name, or give --force",
    "record-examples": "promptvc record --examples PATH pins them",
    "ref-damaged": "promptvc fsck finds all that is wrong; promptvc fsck --repair puts it right",
    "remote-exists": "promptvc remote set-url {name} URL changes where it is",
    "rename-score": "--score NAME=PATH renames it",
    "repair-index": "promptvc fsck --repair makes it anew from the pack beside it",
    "restore-pack": "promptvc fsck tells more; restore it from another clone",
    "row-format": "JSON arrays hold objects; text is UTF-8; --format says what the file is",
    "run-anew": "promptvc run writes it anew",
    "show-commit": "promptvc show {id} lists what is",
    "show-parents": "promptvc show tells them",
    "show-rows": "promptvc rows {path} shows it",
    "status": "promptvc status shows what did",
    "store-exists": "promptvc status shows how it stands",
    "switch-back": "promptvc switch {name} goes back there; then undo again",
    "take-a-side": "--take ours, theirs or base; or --as-is",
    "undo-earlier": "promptvc undo {number} takes back {what} too",
    "undo-list": "promptvc undo --list shows what was done",
    "unknown-remote": "promptvc remote lists them; promptvc remote add NAME URL adds one",
    "unknown-revision": "promptvc log and promptvc branch show what there is",
    "unrelated": "--allow-unrelated-histories merges them all the same",
}
"""The words of each advice; ``{name}`` stands for one of its facts."""
_SETTLE = "promptvc status: it finishes or takes back what was begun"


def hint_of(error: PromptvcError) -> str | None:
    """What to do about an error, in one line; None where nothing is known."""
    hint = error.hint
    if hint is None and error.advice is not None:
        hint = HINTS[error.advice.name].format(**error.advice.facts)
    return f"{hint}; then {_SETTLE}" if hint and error.unsettled else hint
