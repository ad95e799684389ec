// Submits a checkpoint to a witness with the client of transparency-dev/witness, and opens what comes back with Go's
// note package and the cosignature verifier of transparency-dev/formats.
//
//	submit URL OLD CHECKPOINT VKEY [HASH …]
//
// Prints the name of the witness whose cosignature holds, `stale SIZE` where the witness knows another size, or
// `refused WHY`.
package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"

	"github.com/transparency-dev/formats/note"
	client "github.com/transparency-dev/witness/client/http"
	"github.com/transparency-dev/witness/witness"
	sumdb "golang.org/x/mod/sumdb/note"
)

func main() {
	said, err := submit(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(said)
}

func submit(words []string) (string, error) {
	address, err := url.Parse(words[0])
	if err != nil {
		return "", err
	}
	old, err := strconv.ParseUint(words[1], 10, 64)
	if err != nil {
		return "", err
	}
	checkpoint, err := os.ReadFile(words[2])
	if err != nil {
		return "", err
	}
	verifier, err := note.NewVerifierForCosignatureV1(words[3])
	if err != nil {
		return "", err
	}
	var proof [][]byte
	for _, word := range words[4:] {
		hash, err := base64.StdEncoding.DecodeString(word)
		if err != nil {
			return "", err
		}
		proof = append(proof, hash)
	}
	lines, size, err := client.NewWitness(address, http.DefaultClient).Update(context.Background(), old, checkpoint, proof)
	switch {
	case errors.Is(err, witness.ErrCheckpointStale):
		return fmt.Sprintf("stale %d", size), nil
	case err != nil:
		return fmt.Sprintf("refused %v", err), nil
	}
	opened, err := sumdb.Open(append(checkpoint, lines...), sumdb.VerifierList(verifier))
	if err != nil {
		return "", fmt.Errorf("the answer is no cosignature: %w", err)
	}
	return opened.Sigs[0].Name, nil
}
