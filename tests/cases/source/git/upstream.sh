# Makes repositories in the folder of the mirror: `app`, which has `doc` as a submodule, and versions of it.
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
export GIT_AUTHOR_DATE="1000000000 +0000" GIT_COMMITTER_DATE="1000000000 +0000"
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
git init --quiet --initial-branch=main doc && cd doc
echo text > doc && git add doc && git commit --quiet --message=doc && cd ..
git init --quiet --initial-branch=main app && cd app
git -c protocol.file.allow=always submodule --quiet add ../doc sub 2>/dev/null
echo "hello from 1.9" > message && git add message && git commit --quiet --message=one && git tag v1.9
echo "hello from 1.10" > message && git commit --quiet --all --message=two && git tag v1.10
echo "hello from 1.11" > message && git commit --quiet --all --message=three && git tag v1.11-rc1
