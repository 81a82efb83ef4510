//go:build unix

package worker

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"yardmaster/domain/job"
)

// placeholder stands for the script's file in a shell's template.
const placeholder = "{0}"

// shell is how a script is run: candidates in order of preference.
type shell struct {
	templates []string
	extension string
}

// shellNamed returns the shell a step asks for; the empty name is the default.
func shellNamed(name string) (shell, *failure) {
	switch name {
	case "":
		return shell{[]string{"bash -e {0}", "sh -e {0}"}, ".sh"}, nil
	case "bash":
		return shell{[]string{"bash --noprofile --norc -e -o pipefail {0}"}, ".sh"}, nil
	case "sh":
		return shell{[]string{"sh -e {0}"}, ".sh"}, nil
	case "python":
		return shell{[]string{"python3 {0}", "python {0}"}, ".py"}, nil
	}
	if !strings.Contains(name, placeholder) {
		return shell{}, fail(job.FaultUser, "shell: "+strconv.Quote(name)+
			" is neither bash, sh or python nor a command with {0} in it")
	}
	return shell{[]string{name}, ""}, nil
}

// command fills in the script's file, and finds the program on the path that the
// step itself will see.
func (s shell) command(script, dir, path string) (program string, args []string, f *failure) {
	for _, template := range s.templates {
		args = strings.Fields(template)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], placeholder, script)
		}
		if program := lookPath(args[0], dir, path); program != "" {
			return program, args, nil
		}
	}
	names := make([]string, len(s.templates))
	for i, template := range s.templates {
		names[i] = strings.Fields(template)[0]
	}
	return "", nil, fail(job.FaultInfrastructure,
		"shell: there is no program "+strings.Join(names, " or ")+" on this worker")
}

// lookPath returns the file of a program, or "".
func lookPath(name, dir, path string) string {
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		return executable(name)
	}
	for _, place := range filepath.SplitList(path) {
		if !filepath.IsAbs(place) {
			place = filepath.Join(dir, place)
		}
		if found := executable(filepath.Join(place, name)); found != "" {
			return found
		}
	}
	return ""
}

func executable(file string) string {
	info, err := os.Stat(file)
	if err != nil || info.IsDir() || unix.Access(file, unix.X_OK) != nil {
		return ""
	}
	return file
}
