#!/usr/bin/env bash
# Train on several GPUs, or on several CPU processes where there is no GPU.
#
#   tools/dist_train.sh configs/deeplabv2_r101_cityscapes.py 4 --resume
set -euo pipefail

if [ "$#" -lt 2 ]; then
    cat >&2 <<USAGE
usage: $0 CONFIG GPUS [options of tools/train.py]

GPUS is the number of processes on this machine. From the environment:
  NNODES (1), NODE_RANK (0)              number of machines, and which one this is
  MASTER_ADDR (127.0.0.1), PORT (29500)  where they meet; one machine needs neither
  PYTHON (python)                        the interpreter
USAGE
    exit 2
fi
config=$1
gpus=$2
shift 2
tools=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

if [ "${NNODES:-1}" -eq 1 ] && [ -z "${PORT:-}" ]; then
    meeting=(--standalone) # takes a free port
else
    meeting=(
        --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}"
        --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}"
    )
fi

export PYTHONPATH="$tools/..${PYTHONPATH:+:$PYTHONPATH}"
exec "${PYTHON:-python}" -m torch.distributed.run "${meeting[@]}" \
    --nproc_per_node="$gpus" "$tools/train.py" "$config" --launcher pytorch "$@"
