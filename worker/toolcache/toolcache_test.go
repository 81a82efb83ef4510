package toolcache_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"yardmaster/worker/toolcache"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOnlyWhatCanBeStartedIsKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keep := func(path string, mode os.FileMode) {
		path = filepath.Join(dir, path)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, nil, mode))
	}
	keep("go/1.26.8/x64/bin/go", 0o755)
	keep("go/1.26.8/arm64/bin/go", 0o755)
	keep("go/1.25.0/x64/bin/go", 0o644)
	keep("Python/3.12.1/x64/bin/python3", 0o755)
	keep("Java_Temurin-Hotspot_jdk/21.0.3-9/x64/bin/java", 0o755)
	keep("java/21/x64/bin/java", 0o755)
	keep("golang/1.26.8/x64/bin/go", 0o755)
	keep("node", 0o755)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "node20/20.1.0/x64/bin/node"), 0o755))
	assert.ElementsMatch(t, []toolcache.Tool{
		{Label: "go", Version: "1.26.8", Bin: dir + "/go/1.26.8/x64/bin"},
		{Label: "python3", Version: "3.12.1", Bin: dir + "/Python/3.12.1/x64/bin"},
		{Label: "java", Version: "21.0.3-9", Bin: dir + "/Java_Temurin-Hotspot_jdk/21.0.3-9/x64/bin"},
	}, toolcache.List(dir, "amd64"))
	assert.Len(t, toolcache.List(dir, "arm64"), 1)
	assert.Empty(t, toolcache.List(dir, "386"))
	assert.Empty(t, toolcache.List(dir+"/none", "amd64"))
	assert.Empty(t, toolcache.List("", "amd64"))
}
