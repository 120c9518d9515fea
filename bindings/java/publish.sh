#!/usr/bin/env bash
# Builds the package and gives it to a Maven repository: the jar, its sources, its documentation and its metadata.
#   bindings/java/publish.sh URL [ID]
# URL is that of the repository; a file: URL makes one in a folder. ID names the credentials in Maven's settings.xml.
set -euo pipefail

here=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
url=${1:?the URL of a Maven repository}
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
"$here/build.sh" --complete "$made/haft"
jar=$(echo "$made"/haft/haft-*[0-9].jar)
mvn --batch-mode --quiet org.apache.maven.plugins:maven-deploy-plugin:3.1.1:deploy-file "-Durl=$url" "-DrepositoryId=${2:-haft}" \
  "-Dfile=$jar" "-DpomFile=${jar%.jar}.pom" "-Dsources=${jar%.jar}-sources.jar" "-Djavadoc=${jar%.jar}-javadoc.jar"
