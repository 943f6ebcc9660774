#!/bin/sh
# Runs a scenario on the agents of a cluster, copies the record out, and ends with the exit status of the run:
# 0 every gate held, 99 a gate failed, 1 not completed, 2 wrong input, 130 interrupted.
#
#   sh deploy/kubernetes/run.sh my.yaml [FOLDER FOR THE RECORD]
set -eu

if [ $# -lt 1 ] || [ $# -gt 2 ] || [ ! -r "$1" ]; then
  echo "usage: sh deploy/kubernetes/run.sh SCENARIO.yaml [FOLDER]" >&2
  exit 2
fi
scenario=$1
folder=${2:-record}
here=$(dirname "$0")

in_c2m() { kubectl --namespace c2m "$@"; }

if [ -e "$folder" ]; then
  echo "$folder is there already; name another folder for the record" >&2
  exit 2
fi

# A Job cannot be started twice.
in_c2m delete job c2m-run --ignore-not-found --wait
in_c2m create configmap c2m-scenario --from-file=scenario.yaml="$scenario" --dry-run=client --output yaml |
  in_c2m apply --filename -
in_c2m apply --filename "$here/run.yaml"
# Who waits for the log in vain learns below why there is none.
if ! in_c2m logs --follow --pod-running-timeout=5m job/c2m-run; then echo "there is no log of the run" >&2; fi

# The log may end before the Job has, and a connection to it before the run does.
is_finished=no
until [ "$is_finished" = yes ]; do
  conditions=$(in_c2m get job c2m-run --output 'jsonpath={.status.conditions[?(@.status=="True")].type}')
  case $conditions in
    *Complete* | *Failed*) is_finished=yes ;;
    *) sleep 2 ;;
  esac
done
status=$(in_c2m get pods --selector batch.kubernetes.io/job-name=c2m-run \
  --output 'jsonpath={.items[*].status.containerStatuses[*].state.terminated.exitCode}')
# A pod that was thrown out has no status: that run was not completed.
status=${status:-1}

in_c2m delete pod c2m-records --ignore-not-found --wait
in_c2m apply --filename "$here/records.yaml"
in_c2m wait --for=condition=Ready pod/c2m-records --timeout=5m
if ! in_c2m cp c2m-records:/records/run "$folder"; then echo "the run left no record" >&2; fi
in_c2m delete pod c2m-records --wait=false
exit "$status"
