// SPDX-License-Identifier: Apache-2.0

// Judge is the second opinion on trees, proofs and notes: Go's own
// implementation of them (golang.org/x/mod/sumdb), which shares no code with ours.
//
//	judge prove N      every claim about a log of N records that it can make, one a line
//	judge log DIR N    writes the log as C2SP tlog-tiles, signed; prints the verifier key
//	judge check        reads such claims, and notes, from standard input; says "true" or "false" to each
//
// A claim is one of these, with hashes in base64 and a proof's hashes joined by commas or "-":
//
//	inclusion INDEX SIZE LEAF ROOT PROOF
//	consistency SIZE1 ROOT1 SIZE2 ROOT2 PROOF
//	note VKEY BASE64
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

type store []tlog.Hash

func (s store) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		found[i] = s[index]
	}
	return found, nil
}

func record(i int64) []byte { return []byte(fmt.Sprintf("record %d", i)) }

func grow(size int64) store {
	var hashes store
	for i := int64(0); i < size; i++ {
		more, err := tlog.StoredHashes(i, record(i), hashes)
		must(err)
		hashes = append(hashes, more...)
	}
	return hashes
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func joined(hashes []tlog.Hash) string {
	if len(hashes) == 0 {
		return "-"
	}
	var words []string
	for _, hash := range hashes {
		words = append(words, hash.String())
	}
	return strings.Join(words, ",")
}

func root(hashes store, size int64) tlog.Hash {
	hash, err := tlog.TreeHash(size, hashes)
	must(err)
	return hash
}

func prove(size int64) {
	hashes := grow(size)
	for index := int64(0); index < size; index++ {
		proof, err := tlog.ProveRecord(size, index, hashes)
		must(err)
		fmt.Println("inclusion", index, size, tlog.RecordHash(record(index)), root(hashes, size), joined(proof))
	}
	for earlier := int64(1); earlier <= size; earlier++ {
		proof, err := tlog.ProveTree(size, earlier, hashes)
		must(err)
		fmt.Println("consistency", earlier, root(hashes, earlier), size, root(hashes, size), joined(proof))
	}
}

func write(path string, data []byte) {
	must(os.MkdirAll(filepath.Dir(path), 0o755))
	must(os.WriteFile(path, data, 0o644))
}

func writeLog(dir string, size int64) {
	hashes := grow(size)
	for _, tile := range tlog.NewTiles(tileHeight, 0, size) {
		data, err := tlog.ReadTileData(tile, hashes)
		must(err)
		// C2SP leaves the height out, which is always 8.
		write(filepath.Join(dir, "tile", strings.TrimPrefix(tile.Path(), "tile/8/")), data)
		if tile.L == 0 {
			var bundle []byte
			for i := tile.N << tileHeight; i < tile.N<<tileHeight+int64(tile.W); i++ {
				bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(record(i))))
				bundle = append(bundle, record(i)...)
			}
			write(filepath.Join(dir, "tile/entries", strings.TrimPrefix(tile.Path(), "tile/8/0/")), bundle)
		}
	}
	// A key of zeros: the log is for tests, and the same each time.
	skey, vkey, err := note.GenerateKey(zeros{}, "judge.example/log")
	must(err)
	signer, err := note.NewSigner(skey)
	must(err)
	text := fmt.Sprintf("judge.example/log\n%d\n%s\n", size, root(hashes, size))
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	must(err)
	write(filepath.Join(dir, "checkpoint"), signed)
	fmt.Println(vkey)
}

type zeros struct{}

func (zeros) Read(into []byte) (int, error) {
	clear(into)
	return len(into), nil
}

func number(word string) int64 {
	value, err := strconv.ParseInt(word, 10, 64)
	must(err)
	return value
}

func hash(word string) tlog.Hash {
	value, err := tlog.ParseHash(word)
	must(err)
	return value
}

func proofHashes(word string) []tlog.Hash {
	var hashes []tlog.Hash
	if word != "-" {
		for _, each := range strings.Split(word, ",") {
			hashes = append(hashes, hash(each))
		}
	}
	return hashes
}

func holds(words []string) bool {
	switch words[0] {
	case "inclusion":
		return tlog.CheckRecord(proofHashes(words[5]), number(words[2]), hash(words[4]), number(words[1]),
			hash(words[3])) == nil
	case "consistency":
		return tlog.CheckTree(proofHashes(words[5]), number(words[3]), hash(words[4]), number(words[1]),
			hash(words[2])) == nil
	case "note":
		verifier, err := note.NewVerifier(words[1])
		must(err)
		text, err := base64.StdEncoding.DecodeString(words[2])
		must(err)
		_, err = note.Open(text, note.VerifierList(verifier))
		return err == nil
	}
	log.Fatalf("no such claim: %s", words[0])
	return false
}

func main() {
	switch {
	case len(os.Args) == 3 && os.Args[1] == "prove":
		prove(number(os.Args[2]))
	case len(os.Args) == 4 && os.Args[1] == "log":
		writeLog(os.Args[2], number(os.Args[3]))
	case len(os.Args) == 2 && os.Args[1] == "check":
		lines := bufio.NewScanner(os.Stdin)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			fmt.Println(holds(strings.Fields(lines.Text())))
		}
		must(lines.Err())
	default:
		log.Fatal("usage: judge prove N | log DIR N | check")
	}
}
