package action

import (
	"errors"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// DefaultServer is where a repository is that is given by owner and name, unless the run
// says otherwise.
const DefaultServer = "https://github.com"

const (
	maxText = 1024 // bytes of a path, a URL or a ref
	maxHash = 64   // digits of a commit's name
	sha1    = 40
)

// How GitHub names repositories, and how SSH does, as git@host:owner/name.
var (
	ownerAndName = regexp.MustCompile(`^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$`)
	hostAndPath  = regexp.MustCompile(`^(?:[A-Za-z0-9_.][A-Za-z0-9_.-]*@)?[A-Za-z0-9][A-Za-z0-9.-]*:[^:-][^:]*$`)
)

// Source is where a repository is.
type Source struct {
	URL   string // for Git
	Local bool   // on the worker's own disk
}

// ParseRepository returns where a repository is: one of the server by owner and name, or
// whatever a URL or an absolute path leads to.
func ParseRepository(text, server string) (Source, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "" || len(text) > maxText || strings.ContainsFunc(text, unprintable) || text[0] == '-':
		return Source{}, errors.New("must be owner/name, an absolute path or a URL")
	case path.IsAbs(text):
		return Source{URL: (&url.URL{Scheme: "file", Path: path.Clean(text)}).String(), Local: true}, nil
	case strings.Contains(text, "://"):
		return parseURL(text)
	case ownerAndName.MatchString(text) && path.Clean(text) == text && !strings.HasPrefix(text, "../"):
		if server == "" {
			server = DefaultServer
		}
		if err := CheckServer(server); err != nil {
			return Source{}, errors.New("the server of the repository " + err.Error())
		}
		return parseURL(strings.TrimRight(server, "/") + "/" + text)
	case hostAndPath.MatchString(text):
		return Source{URL: text}, nil
	}
	return Source{}, errors.New("must be owner/name, an absolute path or a URL")
}

// CheckRepository returns what is wrong with the name of a repository.
func CheckRepository(text string) error {
	_, err := ParseRepository(text, "")
	return err
}

func parseURL(text string) (Source, error) {
	u, err := url.Parse(text)
	if err != nil || !slices.Contains([]string{"https", "http", "ssh", "git", "file"}, u.Scheme) {
		return Source{}, errors.New("must be a URL of https, ssh or file")
	}
	if _, secret := u.User.Password(); secret || u.User != nil && u.Scheme != "ssh" {
		return Source{}, errors.New("must not hold credentials; the worker's own Git must be able to read the repository")
	}
	local := u.Scheme == "file"
	if u.Path == "" || local != (u.Host == "") || strings.HasPrefix(u.Host, "-") {
		return Source{}, errors.New("must be a URL of https, ssh or file")
	}
	return Source{URL: text, Local: local}, nil
}

// CheckServer returns what is wrong with the URL of a server.
func CheckServer(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || len(text) > maxText {
		return errors.New("must be a URL of https without credentials")
	}
	return nil
}

// IsCommit reports whether a ref is the full name of a commit.
func IsCommit(ref string) bool {
	return (len(ref) == sha1 || len(ref) == maxHash) && strings.Trim(ref, "0123456789abcdefABCDEF") == ""
}

// CheckRef returns what is wrong with the name of a branch, a tag or a commit. What Git
// would take for something else does not pass: an option, a range, a pattern.
func CheckRef(ref string) error {
	bad := errors.New("must name a branch, a tag or a commit; as main, v1.2.0, refs/pull/7/merge or all 40 digits")
	switch {
	case ref == "" || len(ref) > maxText || strings.ContainsFunc(ref, unprintable):
		return bad
	case strings.ContainsAny(ref, " ~^:?*[\\"):
		return bad
	case strings.HasPrefix(ref, "-") || strings.Contains(ref, "..") || strings.Contains(ref, "@{") || ref == "@":
		return bad
	case strings.HasSuffix(ref, ".") || strings.HasSuffix(ref, "/"):
		return bad
	}
	for part := range strings.SplitSeq(ref, "/") {
		if part == "" || part[0] == '.' || strings.HasSuffix(part, ".lock") {
			return bad
		}
	}
	return nil
}

// CheckPath returns what is wrong with a path in the workspace.
func CheckPath(text string) error {
	clean := path.Clean(text)
	switch {
	case text == "" || len(text) > maxText || strings.ContainsFunc(text, unprintable):
		return errors.New("must be a path of printable characters")
	case path.IsAbs(text) || clean == ".." || strings.HasPrefix(clean, "../"):
		return errors.New("must lie within the workspace; give a path below it, as src")
	case slices.ContainsFunc(strings.Split(clean, "/"), func(s string) bool { return strings.EqualFold(s, ".git") }):
		return errors.New("must not lie in what Git keeps for itself; choose another directory than .git")
	}
	return nil
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }
