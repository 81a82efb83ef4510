package capability

import (
	"context"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// sandboxes returns a label for each kind of sandbox that this process could put a
// job into. Asking leaves nothing behind.
func (p *probe) sandboxes(ctx context.Context) (labels []string) {
	if landlock() {
		labels = append(labels, "sandbox=landlock")
	}
	if p.userNamespace(ctx) {
		labels = append(labels, "sandbox=userns")
	}
	return labels
}

// landlock asks the kernel for the version of its rules, which makes none.
func landlock() bool {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	return errno == 0 && version >= 1
}

// userNamespace starts a program that does nothing in a namespace of its own: what
// the settings of the kernel say of it differs with its make, this does not.
func (p *probe) userNamespace(ctx context.Context) bool {
	path, ok := p.find("true")
	if !ok {
		return false
	}
	_, ok = p.run(ctx, path, &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	})
	return ok
}
