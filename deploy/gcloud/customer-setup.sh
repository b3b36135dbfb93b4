#!/usr/bin/env bash
# Sets a customer's project up for HyperFleet's pull secrets. It may be repeated: what is there stays as it is, and
# the role gets exactly the permissions chosen. deploy/terraform/customer does the same.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=permissions.sh
source "$(dirname "${BASH_SOURCE[0]}")/permissions.sh"

usage() {
    cat <<EOF
Usage: customer-setup.sh --project PROJECT --job-identity MEMBER [options]

  --project PROJECT              the project in which pull secrets are kept
  --job-identity MEMBER          who the jobs are, as the operator of HyperFleet tells you
  --service-account-name NAME    the service account that jobs act as (pullsecret-manager)
  --encryption-key KEY           a customer-managed key, projects/P/locations/L/keyRings/R/cryptoKeys/K;
                                 may be repeated
  --no-retention                 do not let old versions be disabled
  --destruction                  let old versions be destroyed, which cannot be undone
  --no-deletion                  do not let a deleted cluster's secret be deleted
  --dry-run                      show what would be done, change nothing
  --help                         this text

Example: customer-setup.sh --project customer-prod-12345 --dry-run \\
  --job-identity 'serviceAccount:hyperfleet-prod.svc.id.goog[hyperfleet-system/pullsecret-adapter-job]'
EOF
}

fail() {
    echo "customer-setup: $1" >&2
    exit 2
}

project='' identity='' name=pullsecret-manager dry_run=false
permissions=$PROVISIONING_PERMISSIONS retention=true destruction=false deletion=true
keys=()
while [ $# -gt 0 ]; do
    case $1 in
        --project | --job-identity | --service-account-name | --encryption-key)
            [ $# -ge 2 ] || fail "$1 needs a value"
            case $1 in
                --project) project=$2 ;;
                --job-identity) identity=$2 ;;
                --service-account-name) name=$2 ;;
                --encryption-key) keys+=("$2") ;;
            esac
            shift
            ;;
        --no-retention) retention=false ;;
        --destruction) destruction=true ;;
        --no-deletion) deletion=false ;;
        --dry-run) dry_run=true ;;
        --help) usage && exit 0 ;;
        *) fail "unknown argument $1; see --help" ;;
    esac
    shift
done
[[ $project =~ ^[a-z][a-z0-9-]{4,28}[a-z0-9]$ ]] || fail "--project is missing or no project id"
[[ $identity == principal://iam.googleapis.com/* || $identity =~ ^serviceAccount:[^[]+\[[^/]+/[^]]+\]$ ]] ||
    fail "--job-identity is missing, or neither principal://... nor serviceAccount:POOL[NAMESPACE/NAME]"
if $retention; then permissions+=,$RETENTION_PERMISSIONS; fi
if $destruction; then permissions+=,$DESTRUCTION_PERMISSIONS; fi
if $deletion; then permissions+=,$DELETION_PERMISSIONS; fi
account=$name@$project.iam.gserviceaccount.com

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

change gcloud services enable iamcredentials.googleapis.com secretmanager.googleapis.com "--project=$project"

if ! gcloud iam service-accounts describe "$account" "--project=$project" >/dev/null 2>&1; then
    change gcloud iam service-accounts create "$name" "--project=$project" "--display-name=HyperFleet pull secrets"
fi

# A role that was deleted lately still holds its name.
if deleted=$(gcloud iam roles describe "$CUSTOM_ROLE" "--project=$project" '--format=value(deleted)' 2>/dev/null); then
    if [[ $deleted == [Tt]rue ]]; then
        change gcloud iam roles undelete "$CUSTOM_ROLE" "--project=$project"
    fi
    change gcloud iam roles update "$CUSTOM_ROLE" "--project=$project" "--permissions=$permissions" --quiet
else
    change gcloud iam roles create "$CUSTOM_ROLE" "--project=$project" "--permissions=$permissions" \
        "--title=HyperFleet pull secrets" --stage=GA --quiet
fi

change gcloud projects add-iam-policy-binding "$project" "--member=serviceAccount:$account" \
    "--role=projects/$project/roles/$CUSTOM_ROLE" --condition=None

change gcloud iam service-accounts add-iam-policy-binding "$account" "--project=$project" \
    "--member=$identity" --role=roles/iam.workloadIdentityUser --condition=None

if [ "${#keys[@]}" -gt 0 ]; then
    number=$(gcloud projects describe "$project" '--format=value(projectNumber)')
    # Secret Manager's own service agent uses the keys; it is made before they are granted to it.
    change gcloud beta services identity create --service=secretmanager.googleapis.com "--project=$project"
    for key in "${keys[@]}"; do
        change gcloud kms keys add-iam-policy-binding "$key" --condition=None \
            "--member=serviceAccount:service-$number@gcp-sa-secretmanager.iam.gserviceaccount.com" \
            --role=roles/cloudkms.cryptoKeyEncrypterDecrypter
    done
fi

if $dry_run; then
    echo "Nothing was changed."
else
    echo "Done. Jobs act as $account."
fi
