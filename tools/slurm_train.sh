#!/usr/bin/env bash
# Train on a Slurm cluster, one task per GPU.
#
#   GPUS=8 tools/slurm_train.sh gpu deeplab configs/deeplabv2_r101_cityscapes.py --resume
set -euo pipefail

if [ "$#" -lt 3 ]; then
    cat >&2 <<USAGE
usage: $0 PARTITION JOB_NAME CONFIG [options of tools/train.py]

From the environment:
  GPUS (4)           of the whole job: the number of processes
  GPUS_PER_NODE (4)  of one machine; must not be above GPUS
  CPUS_PER_TASK (5)  for each process, its data workers included
  SRUN_ARGS          more options of srun, separated by blanks, such as
                     "--time=12:00:00 --signal=USR1@120": the checkpoint is then
                     saved two minutes before the limit
  PYTHON (python)    the interpreter
USAGE
    exit 2
fi
partition=$1
job_name=$2
config=$3
shift 3
tools=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
gpus=${GPUS:-4}
gpus_per_node=${GPUS_PER_NODE:-4}
read -r -a srun_args <<<"${SRUN_ARGS:-}"

export PYTHONPATH="$tools/..${PYTHONPATH:+:$PYTHONPATH}"
exec srun --partition="$partition" --job-name="$job_name" \
    --gres="gpu:$gpus_per_node" --ntasks="$gpus" \
    --ntasks-per-node="$gpus_per_node" --cpus-per-task="${CPUS_PER_TASK:-5}" \
    --kill-on-bad-exit=1 ${srun_args[@]+"${srun_args[@]}"} \
    "${PYTHON:-python}" -u "$tools/train.py" "$config" --launcher slurm "$@"
