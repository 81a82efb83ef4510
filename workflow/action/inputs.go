package action

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxDepth is the most commits that may be asked for by number.
const maxDepth = 1_000_000_000

const readable = "remove it; the worker's own Git must be able to read the repository"

func checkoutInputs() []Input {
	return slices.Concat([]Input{
		{Name: "repository", check: by(CheckRepository)},
		{Name: "ref", check: by(CheckRef)},
		{Name: "path", check: by(CheckPath)},
		{Name: "fetch-depth", check: checkCount},
		{Name: "fetch-tags", check: checkFlag},
		{Name: "submodules", check: oneOf("true", "false", "recursive")},
		{Name: "clean", check: checkFlag},
		{Name: "github-server-url", check: by(CheckServer)},
		{Name: "persist-credentials", check: checkFlag}, // there are none to persist
		{Name: "token", Refused: true, check: theJobsToken},
	},
		refused(readable, "ssh-key"),
		refused("remove it, and fetch the large files in a step with: git lfs pull", "lfs"),
		refused("remove it: all files are checked out", "sparse-checkout"),
		refused("remove it: all files are fetched", "filter"),
		ignored("show-progress", "set-safe-directory", "sparse-checkout-cone-mode", "ssh-known-hosts", "ssh-strict",
			"ssh-user"))
}

func goInputs() []Input {
	return slices.Concat(setupInputs("go-version"), ignored("go-download-base-url"))
}

func nodeInputs() []Input {
	return slices.Concat(setupInputs("node-version"), ignored("package-manager-cache", "mirror", "mirror-token"),
		refused("remove it, and write an .npmrc in a step", "registry-url", "scope", "always-auth"))
}

func pythonInputs() []Input {
	return slices.Concat(setupInputs("python-version"), ignored("allow-prereleases"),
		[]Input{{Name: "update-environment", check: checkFlag}},
		refused("remove it: the worker's interpreter is used as it is", "freethreaded"),
		refused("remove it, and run pip in a step", "pip-version", "pip-install"))
}

func javaInputs() []Input {
	return slices.Concat(setupInputs("java-version"),
		ignored("distribution", "java-package", "job-status", "mvn-toolchain-id", "mvn-toolchain-vendor",
			"overwrite-settings"),
		refused("remove it: a Java of the worker is used", "jdkFile"),
		refused("remove it, and write settings.xml in a step", "server-id", "server-username", "server-password",
			"settings-path", "gpg-private-key", "gpg-passphrase"))
}

// setupInputs are what all actions that set a tool up may be given. Nothing is fetched,
// and nothing cached, so that most of it makes no difference.
func setupInputs(version string) []Input {
	return append([]Input{
		{Name: version, check: by(checkSpec)},
		{Name: version + "-file", check: by(CheckPath)},
		{Name: "architecture", check: oneOf("x64", "amd64", "arm64", "aarch64", "x86", "armv7", "arm")},
	}, ignored("check-latest", "cache", "cache-dependency-path", "token")...)
}

// ignored are inputs that make no difference here.
func ignored(names ...string) []Input {
	inputs := make([]Input, len(names))
	for i, name := range names {
		inputs[i] = Input{Name: name, check: func(string) (string, string) { return "", "" }}
	}
	return inputs
}

// refused are inputs that it would be wrong to leave out of account.
func refused(hint string, names ...string) []Input {
	inputs := make([]Input, len(names))
	for i, name := range names {
		inputs[i] = Input{Name: name, Refused: true, check: func(value string) (string, string) {
			if strings.EqualFold(strings.TrimSpace(value), "false") {
				return "", ""
			}
			return unsupported, hint
		}}
	}
	return inputs
}

const unsupported = "is not supported in this version"

// theJobsToken lets the one value pass that everybody writes and nobody needs.
func theJobsToken(value string) (problem, hint string) {
	inner, opened := strings.CutPrefix(strings.TrimSpace(value), "${{")
	inner, closed := strings.CutSuffix(inner, "}}")
	if opened && closed && strings.TrimSpace(inner) == "github.token" {
		return "", ""
	}
	return unsupported, readable
}

// checkFlag reads "true" or "false".
func checkFlag(value string) (problem, hint string) { return oneOf("true", "false")(value) }

func oneOf(words ...string) func(string) (string, string) {
	return func(value string) (string, string) {
		if slices.Contains(words, strings.ToLower(strings.TrimSpace(value))) {
			return "", ""
		}
		last := len(words) - 1
		return "must be " + strings.Join(words[:last], ", ") + " or " + words[last], ""
	}
}

func checkCount(value string) (problem, hint string) {
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil || n < 0 || n > maxDepth {
		return fmt.Sprintf("must be a whole number from 0 to %d", maxDepth), "0 fetches all commits"
	}
	return "", ""
}

func checkSpec(value string) error {
	_, err := ParseSpec(value)
	return err
}

// by makes a check of one that returns an error of this package.
func by(check func(string) error) func(string) (problem, hint string) {
	return func(value string) (string, string) { return problemOf(check(value)) }
}

// problemOf splits an error of this package into what is wrong and what to do.
func problemOf(err error) (problem, hint string) {
	if err == nil {
		return "", ""
	}
	problem, hint, _ = strings.Cut(err.Error(), "; ")
	return problem, hint
}
