#!/usr/bin/env bash
# Predict with several GPUs, or with several CPU processes where there is no GPU.
#
#   tools/dist_infer.sh CONFIG CHECKPOINT 4 photos --out predicted
#
# Of n processes each predicts every n-th file. Whatever has stopped a process, the same
# command does what is left.
set -euo pipefail

if [ "$#" -lt 4 ]; then
    cat >&2 <<USAGE
usage: $0 CONFIG CHECKPOINT GPUS INPUT... --out DIR [options of tools/infer.py]
       $0 EXPORTED_FILE GPUS INPUT... --out DIR [options of tools/infer.py]

GPUS is the number of processes on this machine. From the environment:
  NNODES (1), NODE_RANK (0)              number of machines, and which one this is
  MASTER_ADDR (127.0.0.1), PORT (29500)  where they meet; one machine needs neither
  MAX_RESTARTS (0)                       how often dead processes are started again
  PYTHON (python)                        the interpreter
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

# Each process reads the whole list.
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

if [ "${NNODES:-1}" -eq 1 ] && [ -z "${PORT:-}" ]; then
    meeting=(--standalone) # takes a free port
else
    meeting=(
        --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}"
        --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}"
    )
fi

export PYTHONPATH="$tools/..${PYTHONPATH:+:$PYTHONPATH}"
"${PYTHON:-python}" -m torch.distributed.run "${meeting[@]}" \
    --nproc_per_node="$gpus" --max_restarts="${MAX_RESTARTS:-0}" \
    "$tools/infer.py" "${model[@]}" "${arguments[@]}"
# One process finds all finished, tries the bad files once more, and reports them.
[ "${NODE_RANK:-0}" -ne 0 ] ||
    "${PYTHON:-python}" "$tools/infer.py" "${model[@]}" "${arguments[@]}"
