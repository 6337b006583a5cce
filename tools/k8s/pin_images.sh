#!/usr/bin/env bash
# Writes the digests of all images into k8s/components/images. Needs a network and crane (go-containerregistry).
#   tools/k8s/pin_images.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../k8s/components/images"
command -v crane > /dev/null || { echo "pin_images: crane is not installed" >&2; exit 1; }
draft=$(mktemp)
trap 'rm -f "$draft"' EXIT
while IFS= read -r line; do
  if [[ $line =~ ^(.*newName:\ )([^,]+)(,\ newTag:\ )([^}]+)(\}.*)$ ]]; then
    digest=$(crane digest "${BASH_REMATCH[2]}:${BASH_REMATCH[4]}")
    line="${BASH_REMATCH[1]}${BASH_REMATCH[2]}, digest: ${digest}${BASH_REMATCH[5]} # ${BASH_REMATCH[4]}"
  fi
  printf '%s\n' "$line"
done < kustomization.yaml > "$draft"
cat "$draft" > kustomization.yaml
