//go:build unix

package capability

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"yardmaster/domain/resource"
	"yardmaster/domain/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// files is a root of a file system, with the text of each file.
func files(texts map[string]string) fstest.MapFS {
	root := fstest.MapFS{}
	for name, text := range texts {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return root
}

const meminfo = "MemTotal:       16000000 kB\nMemFree:         1000 kB\n"

func TestAMachineOffersWhatItsControlGroupAllows(t *testing.T) {
	t.Parallel()

	const whole = 16000000 << 10
	for name, tt := range map[string]struct {
		files map[string]string
		want  resource.Amount
	}{
		"a bare machine":            {map[string]string{"proc/meminfo": meminfo}, resource.Amount{CPU: 8000, Memory: whole}},
		"a machine that tells none": {nil, resource.Amount{CPU: 8000}},
		"a file of another form":    {map[string]string{"proc/meminfo": "MemTotal: many kB\n"}, resource.Amount{CPU: 8000}},
		"a group without limits": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n",
			"sys/fs/cgroup/a/cpu.max": "max 100000\n",
		}, resource.Amount{CPU: 8000, Memory: whole}},
		"a group with less": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "1073741824\n",
			"sys/fs/cgroup/a/b/cpu.max": "150000 100000\n",
		}, resource.Amount{CPU: 1500, Memory: 1 << 30}},
		"a group below one with less": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "2147483648\n",
			"sys/fs/cgroup/a/memory.max": "1073741824\n", "sys/fs/cgroup/a/cpu.max": "50000 100000\n",
			"sys/fs/cgroup/a/b/cpu.max": "max 100000\n",
		}, resource.Amount{CPU: 500, Memory: 1 << 30}},
		"the group of a container": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1073741824\n",
		}, resource.Amount{CPU: 8000, Memory: 1 << 30}},
		"a group outside of the container": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/../../x\n", "sys/fs/cgroup/x/memory.max": "1024\n",
		}, resource.Amount{CPU: 8000, Memory: 1024}},
		"a group with more than there is": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "99999999999999\n",
			"sys/fs/cgroup/a/cpu.max": "9900000 100000\n",
		}, resource.Amount{CPU: 8000, Memory: whole}},
		"groups of version 1": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "4:memory:/a\n", "sys/fs/cgroup/a/memory.max": "1024\n",
		}, resource.Amount{CPU: 8000, Memory: whole}},
	} {
		assert.Equal(t, tt.want, machine(files(tt.files), 8).Resources, name)
	}
}

func TestSystemsAreNamedAsGoAndAsGitHubNameThem(t *testing.T) {
	t.Parallel()

	assert.Equal(t, []string{"amd64", "linux", "x64"}, systemLabels("linux", "amd64"))
	assert.Equal(t, []string{"arm64", "linux"}, systemLabels("linux", "arm64"))
	assert.Equal(t, []string{"arm64", "darwin", "macos"}, systemLabels("darwin", "arm64"))
	assert.Contains(t, Machine().Labels, runtime.GOOS)
	assert.Positive(t, Machine().Resources.CPU)
}

func TestAVersionIsNamedByEachOfItsParts(t *testing.T) {
	t.Parallel()

	assert.Equal(t, []string{"go", "go=1", "go=1.26", "go=1.26.8"}, versionLabels("go", "1.26.8"))
	assert.Equal(t, []string{"java", "java=21"}, versionLabels("java", "21"))
	assert.Equal(t, []string{"x"}, versionLabels("x", ""))
}

func TestOnlySoundLabelsAreKept(t *testing.T) {
	t.Parallel()

	assert.Equal(t, []string{"a", "b"}, sound([]string{"B", "a", "b", "", "a b", "ü", strings.Repeat("x", 64)}))
	many := make([]string, 1000)
	for i := range many {
		many[i] = "l" + strings.Repeat("x", i%50) + string(rune('a'+i%26)) + string(rune('a'+i/26%26))
	}
	assert.Len(t, sound(many), worker.MaxLabels)
}

// What real tools write.
func TestVersionsAreFoundInWhatToolsWrite(t *testing.T) {
	t.Parallel()

	for name, tt := range map[string]struct{ out, want string }{
		"go":      {"go version go1.26.8 linux/amd64\n", "1.26.8"},
		"node":    {"v22.11.0\n", "22.11.0"},
		"npm":     {"10.9.0\n", "10.9.0"},
		"python3": {"Python 3.12.1\n", "3.12.1"},
		"java":    {"openjdk version \"21.0.2\" 2024-01-16\nOpenJDK Runtime Environment (build 21.0.2+13)\n", "21.0.2"},
		"git":     {"git version 2.39.5 (Apple Git-154)\n", "2.39.5"},
		"gcc":     {"12.2.0\n", "12.2.0"},
		"clang":   {"Debian clang version 14.0.6\nTarget: x86_64-pc-linux-gnu\n", "14.0.6"},
		"make":    {"GNU Make 4.3\nBuilt for x86_64-pc-linux-gnu\n", "4.3"},
		"cmake":   {"cmake version 3.25.1\n", "3.25.1"},
		"docker":  {"Docker version 24.0.7, build afdd53b\n", "24.0.7"},
		"podman":  {"podman version 4.3.1\n", "4.3.1"},
		"cargo":   {"cargo 1.75.0 (1d8b05cdd 2023-11-20)\n", "1.75.0"},
		"rustc":   {"rustc 1.75.0 (82e1608df 2023-12-21)\n", "1.75.0"},
		"ruby":    {"ruby 3.1.2p20 (2022-04-12 revision 4491bb740a) [x86_64-linux-gnu]\n", "3.1.2"},
		"php":     {"PHP 8.2.7 (cli) (built: Jun  9 2023 19:37:27) (NTS)\n", "8.2.7"},
	} {
		i := slices.IndexFunc(tools, func(t tool) bool { return t.name == name })
		require.GreaterOrEqual(t, i, 0, name)
		m := tools[i].version.FindStringSubmatch(tt.out)
		require.NotNil(t, m, name)
		assert.Equal(t, tt.want, m[1], name)
	}
	java := tools[slices.IndexFunc(tools, func(t tool) bool { return t.name == "java" })]
	assert.Equal(t, "1.8.0", java.version.FindStringSubmatch(`java version "1.8.0_392"`)[1])
	assert.Equal(t, "21", java.version.FindStringSubmatch(`openjdk version "21" 2023-09-19`)[1])
}

// toolbox makes programs from shell scripts, and a probe that sees them and the
// shell, with a secret in the environment.
func toolbox(t *testing.T, scripts map[string]string) (*probe, string) {
	t.Helper()
	dir := t.TempDir()
	for name, script := range scripts {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700))
	}
	return newProbe([]string{"PATH=relative:" + dir + ":/usr/bin:/bin", "HOME=/h", "SECRET=hunter2"}), dir
}

func asked(names ...string) (all []tool) {
	for _, n := range names {
		all = append(all, tool{n, []string{"--version"}, anywhere})
	}
	return all
}

func TestToolsThatAnswerAreFound(t *testing.T) {
	t.Parallel()

	p, dir := toolbox(t, map[string]string{
		"good":   "echo good v1.2.3",
		"mute":   "exit 0",
		"stderr": "echo 4.5 >&2",
		"broken": "echo 1.2.3; exit 1",
		"chatty": "echo 7.1; head -c 100000 /dev/zero",
		"late":   "head -c 5000 /dev/zero; echo 9.9",
		"nosy":   `[ -z "$SECRET" ] && [ "$HOME" = /h ] && [ "$GOTOOLCHAIN" = local ] && [ "$PWD" = / ] && echo 3.0`,
	})
	require.NoError(t, os.WriteFile(filepath.Join(dir, "plain"), nil, 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o700))
	got := p.tools(t.Context(), asked(
		"good", "mute", "stderr", "broken", "chatty", "late", "nosy", "plain", "folder", "none",
	))
	assert.Equal(t, []string{
		"good", "good=1", "good=1.2", "good=1.2.3", "mute", "stderr", "stderr=4", "stderr=4.5",
		"chatty", "chatty=7", "chatty=7.1", "late", "nosy", "nosy=3", "nosy=3.0",
	}, got)
}

func TestOfAToolThatHangsNothingIsLeft(t *testing.T) {
	t.Parallel()

	p, dir := toolbox(t, map[string]string{"hangs": `sleep 1000 & echo $! > "$TELL"; wait`})
	tell := filepath.Join(dir, "tell")
	require.NoError(t, syscall.Mkfifo(tell, 0o600))
	p.env = append(p.env, "TELL="+tell)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	child := make(chan string, 1)
	go func() { // ends when the tool has begun
		pid, _ := os.ReadFile(tell)
		child <- strings.TrimSpace(string(pid))
		cancel()
	}()
	assert.Empty(t, p.tools(ctx, asked("hangs")))
	pid, err := strconv.Atoi(<-child)
	require.NoError(t, err)
	assert.Eventually(t, func() bool { return !lives(pid) }, time.Minute, 5*time.Millisecond)
}

// lives reports whether a process has not ended, as far as /proc tells.
func lives(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestToolsThatAreKeptAreFound(t *testing.T) {
	t.Parallel()

	dir := t.TempDir()
	for _, arch := range []string{"x64", runtime.GOARCH} {
		for _, program := range []string{"go/1.99.3/%s/bin/go", "Java_Temurin-Hotspot_jdk/99.0.3-9/%s/bin/java"} {
			program = fmt.Sprintf(program, arch)
			require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, program)), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(dir, program), nil, 0o755))
		}
	}
	assert.Equal(t, []string{
		"go", "go=1", "go=1.99", "go=1.99.3", "java", "java=99", "java=99.0", "java=99.0.3",
	}, sound(kept(dir)))
}

func TestThisMachineIsDiscovered(t *testing.T) {
	t.Parallel()

	cache := t.TempDir()
	go99 := filepath.Join(cache, "go", "99.0.0", map[string]string{"amd64": "x64"}[runtime.GOARCH], "bin", "go")
	require.NoError(t, os.MkdirAll(filepath.Dir(go99), 0o755))
	require.NoError(t, os.WriteFile(go99, nil, 0o755))
	found := Discover(t.Context(), os.Environ(), cache)
	assert.Equal(t, runtime.GOARCH == "amd64", slices.Contains(found.Labels, "go=99"))
	assert.Subset(t, found.Labels, Machine().Labels)
	assert.Equal(t, Machine().Resources, found.Resources)
	assert.Contains(t, found.Labels, "go", "these tests are run by it")
	assert.Equal(t, worker.CanonicalLabels(found.Labels), found.Labels)
	t.Log(found)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	bare := Discover(cancelled, os.Environ(), "")
	assert.NotContains(t, bare.Labels, "go", "who is stopped starts nothing")
	assert.Subset(t, bare.Labels, Machine().Labels)
}
