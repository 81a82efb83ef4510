package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"yardmaster/domain/secret"
	"yardmaster/messages"
)

const secretHelp = `Keep values that the steps of a project's jobs may use and that nobody may read:
${{ secrets.NAME }} in the env of a step. Workers hide them in logs.

The server keeps them sealed with the key in its --secrets-key-file.`

func (a *app) secretCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "secret", Short: "Keep values that jobs may use and nobody may read", Long: secretHelp, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usageError("secret takes set, list, rm or key (see `%s --help`)", cmd.CommandPath())
		},
	}
	cmd.AddCommand(a.secretSetCommand(), a.secretListCommand(), a.secretRemoveCommand(), a.secretKeyCommand())
	return cmd
}

// ofProject gives a command the flag that says whose secrets it is about.
func ofProject(cmd *cobra.Command, project *string) *cobra.Command {
	cmd.Flags().StringVar(project, "project", "", "`name` of the project (also YARDMASTER_PROJECT)")
	fromEnv(cmd.Flags(), "project")
	return cmd
}

func (a *app) secretSetCommand() *cobra.Command {
	var project string
	return ofProject(&cobra.Command{
		Use:   "set NAME",
		Short: "Set a secret to what standard input has",
		Long: `Set a secret, or set it anew, to what standard input has, less one line break at its
end. On a terminal the value is asked for, and not shown. It is never an argument:
others could see it.`,
		Example: "  yardmaster secret set TOKEN < token.txt",
		Args:    exactlyOne("the name of a secret"),
		RunE:    func(_ *cobra.Command, args []string) error { return a.setSecret(project, args[0]) },
	}, &project)
}

func (a *app) secretListCommand() *cobra.Command {
	var project string
	return ofProject(&cobra.Command{
		Use: "list", Aliases: []string{"ls"}, Short: "List the names of the secrets, and who set them when",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.listSecrets(project) },
	}, &project)
}

func (a *app) secretRemoveCommand() *cobra.Command {
	var project string
	return ofProject(&cobra.Command{
		Use: "rm NAME", Short: "Remove a secret for good", Args: exactlyOne("the name of a secret"),
		RunE: func(_ *cobra.Command, args []string) error { return a.removeSecret(project, args[0]) },
	}, &project)
}

func (a *app) secretKeyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "key", Short: "Print a new key for the --secrets-key-file of a server",
		Example: "  (umask 077 && yardmaster secret key > secrets.key)",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			raw := randomBytes()
			_, err := fmt.Fprintln(a.out, secret.FormatKey(raw))
			return err
		},
	}
}

func (a *app) setSecret(project, name string) error {
	if err := secret.CheckName(name); err != nil {
		return secretError(err)
	}
	value, err := a.readSecret(name)
	if err != nil {
		return err
	}
	client, err := a.client()
	if err != nil {
		return err
	}
	defer client.Close()
	set, err := client.SetSecret(a.stops.orderly, &messages.SetSecretRequest{Project: project, Name: name, Value: value})
	if err != nil {
		return err
	}
	if a.output == outputJSON {
		return printJSON(a.out, &messages.SetSecretResponse{Secret: set})
	}
	fmt.Fprintf(a.out, "%s is set\n", cleanLine(set.GetName()))
	return nil
}

// readSecret reads the value of a secret. It gives up when the user does.
func (a *app) readSecret(name string) (string, error) {
	type content struct {
		text []byte
		err  error
	}
	read := func() ([]byte, error) { return io.ReadAll(io.LimitReader(a.in, secret.MaxValue+3)) }
	if f, ok := a.in.(*os.File); ok && a.asks() {
		fmt.Fprintf(a.err, "Value of %s: ", name)
		defer fmt.Fprintln(a.err)
		before, err := term.GetState(int(f.Fd()))
		if err != nil {
			return "", usageError("%s", err)
		}
		defer func() { _ = term.Restore(int(f.Fd()), before) }() // also when the user gave up
		read = func() ([]byte, error) { return term.ReadPassword(int(f.Fd())) }
	}
	done := make(chan content, 1)
	go func() { // ends with the input
		text, err := read()
		done <- content{text, err}
	}()
	var c content
	select {
	case c = <-done:
	case <-a.stops.orderly.Done():
		return "", &exitError{code: exitCancelled}
	}
	if c.err != nil && !errors.Is(c.err, io.EOF) {
		return "", usageError("%s", c.err)
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(c.text), "\n"), "\r")
	if err := secret.CheckValue(value); err != nil {
		return "", secretError(err)
	}
	return value, nil
}

// secretError says what is wrong with a secret, and not what it is.
func secretError(err error) error {
	return usageError("%s", strings.TrimPrefix(err.Error(), "secret: "))
}

func (a *app) listSecrets(project string) error {
	client, err := a.client()
	if err != nil {
		return err
	}
	defer client.Close()
	all, err := client.Secrets(a.stops.orderly, project)
	if err != nil {
		return err
	}
	if a.output == outputJSON {
		return printJSON(a.out, &messages.ListSecretsResponse{Secrets: all})
	}
	rows := [][]string{{"SECRET", "SET", "BY"}}
	for _, s := range all {
		rows = append(rows, []string{cleanLine(s.GetName()), clock(s.GetSetAt().AsTime()), cleanLine(s.GetPrincipal())})
	}
	fmt.Fprint(a.out, table(rows))
	return nil
}

func (a *app) removeSecret(project, name string) error {
	if err := secret.CheckName(name); err != nil {
		return secretError(err)
	}
	client, err := a.client()
	if err != nil {
		return err
	}
	defer client.Close()
	request := &messages.RemoveSecretRequest{Project: project, Name: name}
	if err := client.RemoveSecret(a.stops.orderly, request); err != nil {
		return err
	}
	if a.output == outputJSON {
		return printJSON(a.out, &messages.RemoveSecretResponse{})
	}
	fmt.Fprintf(a.out, "%s is removed\n", cleanLine(secret.Canonical(name)))
	return nil
}

func randomBytes() (raw [secret.KeySize]byte) {
	_, _ = rand.Read(raw[:]) // it never fails
	return raw
}

// randomKey returns a key that nobody has.
func randomKey() *secret.Key {
	raw := randomBytes()
	key, err := secret.NewKey(raw[:])
	if err != nil {
		panic(err) // its length is right
	}
	return key
}

// localSecrets returns the secrets of a local run: what the environment has under their
// names, or what the user says when asked.
func (a *app) localSecrets(file string, o runOptions) ([]*messages.SetSecretRequest, error) {
	if len(o.secrets) > 0 && o.dataDir != "" {
		return nil, usageError("--secret cannot be used with --data-dir: the key of a local run is kept nowhere")
	}
	all := make([]*messages.SetSecretRequest, 0, len(o.secrets))
	for _, name := range o.secrets {
		if err := secret.CheckName(name); err != nil {
			return nil, secretError(err)
		}
		value := a.getenv(name)
		if value == "" {
			if file == "-" || !a.asks() {
				return nil, usageError("--secret %s: the environment has no variable of that name", name)
			}
			var err error
			if value, err = a.readSecret(name); err != nil {
				return nil, err
			}
		}
		if err := secret.CheckValue(value); err != nil {
			return nil, secretError(err)
		}
		all = append(all, &messages.SetSecretRequest{Name: name, Value: value})
	}
	return all, nil
}

// asks reports whether the user can be asked for something.
func (a *app) asks() bool {
	f, ok := a.in.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
