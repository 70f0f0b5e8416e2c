#!/bin/sh
# kiln/run, version 1: the start, the phases and the end of one action (docs/spec/sandbox.md).

# A farm may start actions with signals ignored, which no shell can undo by itself.
if [ -z "$KILN_SIGNALS" ] && env --default-signal=HUP,INT,QUIT,PIPE true >/dev/null 2>&1; then
  KILN_SIGNALS=default exec env --default-signal=HUP,INT,QUIT,PIPE /bin/sh /kiln/run
fi
unset KILN_SIGNALS

umask 022
chmod 1777 /tmp /dev/shm 2>/dev/null
ulimit -S -c 0 2>/dev/null
ulimit -S -n 1024 2>/dev/null
ulimit -S -s 8192 2>/dev/null

kiln_limit=${KILN_TIME_LIMIT:-86400}
unset KILN_TIME_LIMIT
[ -n "$KILN_JOBS" ] || KILN_JOBS=$(nproc 2>/dev/null || echo 1)
[ -n "$MAKEFLAGS" ] || MAKEFLAGS=-j$KILN_JOBS
export KILN_JOBS MAKEFLAGS

# stdout and stderr become one stream in the order of writing.
kiln_log=
if mkfifo /tmp/.kiln-log 2>/dev/null; then
  cat </tmp/.kiln-log &
  kiln_log=$!
  exec >/tmp/.kiln-log 2>&1
  rm -f /tmp/.kiln-log
else
  exec 2>&1
fi

# Ends everything that outlives the limit, this script too; what is left tells why.
(sleep "$kiln_limit" && : >/meta/limit && kill -9 -1) </dev/null >/dev/null 2>&1 &

cd /build || exit 125
kiln_status=0
for kiln_phase in /kiln/[0-9][0-9]-*; do
  [ -e "$kiln_phase" ] || continue
  kiln_name=${kiln_phase#/kiln/??-}
  echo "kiln: phase $kiln_name"
  kiln_start=$(date +%s.%N)
  echo "$kiln_name $kiln_start - -" >>/meta/phases
  /bin/sh -e "$kiln_phase" </dev/null
  kiln_status=$?
  echo "$kiln_name $kiln_start $(date +%s.%N) $kiln_status" >>/meta/phases
  [ "$kiln_status" = 0 ] || break
done
cd /

if [ "$kiln_status" = 0 ]; then
  if [ -h /out ] || [ ! -d /out ]; then
    echo "kiln: /out is missing or no folder"
    kiln_status=1
  else
    mv /build /kiln/done || kiln_status=125
  fi
fi

# The log ends when everyone has let go of it; a process left behind does not keep the action alive.
exec >/dev/null 2>&1
if [ -n "$kiln_log" ]; then
  (sleep 2; kill "$kiln_log") &
  wait "$kiln_log"
fi
exit "$kiln_status"
