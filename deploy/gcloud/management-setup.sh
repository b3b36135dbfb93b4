#!/usr/bin/env bash
# Sets the operator's project up so that jobs outside of Google Cloud can sign in, and tells who they are.
# It may be repeated. deploy/terraform/management does the same.
set -euo pipefail

usage() {
    cat <<EOF
Usage: management-setup.sh --project PROJECT [options]

  --project PROJECT         the operator's project
  --issuer URL              the management cluster's service account issuer; not for Google Kubernetes Engine
  --pool POOL               the workload identity pool (hyperfleet)
  --namespace NAMESPACE     where jobs run (hyperfleet-system)
  --service-account NAME    the jobs' Kubernetes service account (pullsecret-adapter-job)
  --dry-run                 show what would be done, change nothing
  --help                    this text

The last line is the member that customers grant roles/iam.workloadIdentityUser to.
Example: management-setup.sh --project hyperfleet-prod --issuer https://oidc.example.com/cluster --dry-run
EOF
}

fail() {
    echo "management-setup: $1" >&2
    exit 2
}

project='' issuer='' pool=hyperfleet namespace=hyperfleet-system account=pullsecret-adapter-job dry_run=false
while [ $# -gt 0 ]; do
    case $1 in
        --dry-run) dry_run=true ;;
        --help) usage && exit 0 ;;
        --project | --issuer | --pool | --namespace | --service-account)
            [ $# -ge 2 ] || fail "$1 needs a value"
            case $1 in
                --project) project=$2 ;;
                --issuer) issuer=$2 ;;
                --pool) pool=$2 ;;
                --namespace) namespace=$2 ;;
                --service-account) account=$2 ;;
            esac
            shift
            ;;
        *) fail "unknown argument $1; see --help" ;;
    esac
    shift
done
[[ $project =~ ^[a-z][a-z0-9-]{4,28}[a-z0-9]$ ]] || fail "--project is missing or no project id"
[[ -z $issuer || $issuer == https://* ]] || fail "--issuer is no https:// URL"

# Runs a command that changes something, or shows it.
change() {
    if $dry_run; then
        printf 'would run:'
        printf ' %q' "$@"
        printf '\n'
    else
        echo "running: $*"
        "$@" >/dev/null
    fi
}

number=$(gcloud projects describe "$project" '--format=value(projectNumber)')
pools=principal://iam.googleapis.com/projects/$number/locations/global/workloadIdentityPools
if [ -z "$issuer" ]; then
    echo "$pools/$project.svc.id.goog/subject/ns/$namespace/sa/$account"
    exit 0
fi

place=("--project=$project" --location=global)
if ! gcloud iam workload-identity-pools describe "$pool" "${place[@]}" >/dev/null 2>&1; then
    change gcloud iam workload-identity-pools create "$pool" "${place[@]}" \
        "--display-name=HyperFleet management clusters"
fi

verb=update-oidc
gcloud iam workload-identity-pools providers describe management-cluster "--workload-identity-pool=$pool" \
    "${place[@]}" >/dev/null 2>&1 || verb=create-oidc
# Only the jobs' service account, whatever else runs on the cluster.
change gcloud iam workload-identity-pools providers "$verb" management-cluster "--workload-identity-pool=$pool" \
    "${place[@]}" "--issuer-uri=$issuer" --attribute-mapping=google.subject=assertion.sub \
    "--attribute-condition=assertion.sub == 'system:serviceaccount:$namespace:$account'"

echo "$pools/$pool/subject/system:serviceaccount:$namespace:$account"
