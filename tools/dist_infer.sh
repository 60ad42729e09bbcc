#!/usr/bin/env bash
# Predict with several GPUs, or with several CPU processes where there is no GPU.
#
#   tools/dist_infer.sh CONFIG CHECKPOINT 4 photos --out predicted
#
# Each file goes to whichever process is free. A process that dies is started again,
# with all others, and they go on where they were.
set -euo pipefail

if [ "$#" -lt 4 ]; then
    cat >&2 <<USAGE
usage: $0 CONFIG CHECKPOINT GPUS INPUT... --out DIR [options of tools/infer.py]
       $0 EXPORTED_FILE GPUS INPUT... --out DIR [options of tools/infer.py]

GPUS is the number of processes on this machine. Several machines share the files of
one folder that all of them see: start this script on each. From the environment:
  MAX_RESTARTS (3)  how often processes are started again
  PYTHON (python)   the interpreter
USAGE
    exit 2
fi
case "$1" in
    *.onnx | *.pt2 | *.torchscript) model=("$1") ;;
    *) model=("$1" "$2"); shift ;;
esac
gpus=$2
shift 2
tools=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

# Each process reads all the list.
arguments=()
for argument in "$@"; do
    if [ "$argument" = - ]; then
        list=$(mktemp)
        trap 'rm -f "$list"' EXIT
        cat >"$list"
        arguments+=(--list "$list")
    else
        arguments+=("$argument")
    fi
done

export PYTHONPATH="$tools/..${PYTHONPATH:+:$PYTHONPATH}"
export MMSEG_DEEPLAB_RUN="$(uname -n).$$.$(date +%s)"
"${PYTHON:-python}" -m torch.distributed.run --standalone \
    --nproc_per_node="$gpus" --max_restarts="${MAX_RESTARTS:-3}" \
    "$tools/infer.py" "${model[@]}" "${arguments[@]}"
# Nothing is left to do but to report, and to tell failures by the exit status.
"${PYTHON:-python}" "$tools/infer.py" "${model[@]}" "${arguments[@]}"
