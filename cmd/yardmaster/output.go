package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// Values of --output.
const (
	outputText = "text"
	outputJSON = "json"
	// outputSARIF is for commands that are annotated with it.
	outputSARIF = "sarif"
)

// annotationOutput names one more value of --output that a command has.
const annotationOutput = "output"

// outputs returns what a command can print.
func outputs(cmd *cobra.Command) []string {
	all := []string{outputText, outputJSON}
	if more := cmd.Annotations[annotationOutput]; more != "" {
		all = append(all, more)
	}
	return all
}

// complete has a shell complete a flag with the values that it can have.
func complete(cmd *cobra.Command, flag string, values func(*cobra.Command) []string) {
	err := cmd.RegisterFlagCompletionFunc(flag,
		func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
			return values(cmd), cobra.ShellCompDirectiveNoFileComp
		})
	if err != nil {
		panic(err) // there is no such flag: a defect
	}
}

// completeFile has a shell complete arguments with YAML files.
func completeFile(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return []string{"yml", "yaml"}, cobra.ShellCompDirectiveFilterFileExt
}

// protoJSON renders m with the names of the .proto files and every field, so that
// scripts find what they look for. Compact, and the same on each run.
func protoJSON(m proto.Message) (json.RawMessage, error) {
	raw, err := protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("render %s: %w", m.ProtoReflect().Descriptor().Name(), err)
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil { // protojson varies its spaces on purpose
		return nil, fmt.Errorf("render %s: %w", m.ProtoReflect().Descriptor().Name(), err)
	}
	return b.Bytes(), nil
}

// printJSON prints m as one object over several lines.
func printJSON(w io.Writer, m proto.Message) error {
	raw, err := protoJSON(m)
	if err != nil {
		return err
	}
	return printRaw(w, raw)
}

// printRaw prints a value that encoding/json can render, over several lines.
func printRaw[T any](w io.Writer, value T) error {
	b, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// printLine prints a value as one line of JSON.
func printLine[T any](w io.Writer, value T) error {
	b, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}
