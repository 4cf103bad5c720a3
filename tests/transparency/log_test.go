// Reads a log of ours with Go's own transparency log packages, golang.org/x/mod/sumdb/tlog and note: the checkpoint, the
// tiles, the entries, and the proofs that were made of them. LOG is the log's directory, LOG_KEYS its verifier keys.
package transparency

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// tiles reads tiles of the log's directory. Its paths are Go's without the height.
type tiles struct{ directory string }

func (t tiles) Height() int                         { return height }
func (t tiles) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range wanted {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		bytes, err := os.ReadFile(filepath.Join(t.directory, path))
		if err != nil {
			return nil, err
		}
		found = append(found, bytes)
	}
	return found, nil
}

func verifiers(t *testing.T) note.Verifiers {
	t.Helper()
	var known []note.Verifier
	for _, key := range strings.Fields(os.Getenv("LOG_KEYS")) {
		verifier, err := note.NewVerifier(key)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		known = append(known, verifier)
	}
	return note.VerifierList(known...)
}

// open verifies a checkpoint. Go's own text of a tree has a title instead of an origin, so its three lines are read here.
func open(t *testing.T, text []byte) tlog.Tree {
	t.Helper()
	signed, err := note.Open(text, verifiers(t))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(signed.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || lines[0] != "kms.example/audit" || len(lines) != 4 {
		t.Fatalf("%q: %v", signed.Text, err)
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		t.Fatal(err)
	}
	return tlog.Tree{N: size, Hash: root}
}

func log(t *testing.T) (tlog.Tree, tlog.HashReader) {
	t.Helper()
	directory := os.Getenv("LOG")
	text, err := os.ReadFile(filepath.Join(directory, "checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	tree := open(t, text)
	return tree, tlog.TileHashReader(tree, tiles{directory})
}

func TestTheRootIsThatOfTheTiles(t *testing.T) {
	tree, hashes := log(t)
	root, err := tlog.TreeHash(tree.N, hashes)
	if err != nil || root != tree.Hash || tree.N < 66_000 {
		t.Fatalf("%v, %v, %v", tree, root, err)
	}
}

func TestEachEntryHasItsHash(t *testing.T) {
	tree, hashes := log(t)
	kept := int64(1280)
	for first := kept; first < tree.N; first += 256 {
		width := min(256, tree.N-first)
		tile := tlog.Tile{H: height, L: -1, N: first / 256, W: int(width)}
		path := strings.Replace(tile.Path(), "tile/8/data", "tile/entries", 1)
		bundle, err := os.ReadFile(filepath.Join(os.Getenv("LOG"), path))
		if err != nil {
			t.Fatal(err)
		}
		var places []int64
		var want []tlog.Hash
		for index := first; index < first+width; index++ {
			length := binary.BigEndian.Uint16(bundle)
			want = append(want, tlog.RecordHash(bundle[2:2+length]))
			places = append(places, tlog.StoredHashIndex(0, index))
			bundle = bundle[2+length:]
		}
		if len(bundle) != 0 {
			t.Fatalf("%s: %d bytes too many", path, len(bundle))
		}
		found, err := hashes.ReadHashes(places)
		if err != nil {
			t.Fatal(err)
		}
		for number := range want {
			if found[number] != want[number] {
				t.Fatalf("entry %d has another hash", first+int64(number))
			}
		}
	}
	if _, err := os.Stat(filepath.Join(os.Getenv("LOG"), "tile/entries/004")); !os.IsNotExist(err) {
		t.Fatal("what was pruned is there")
	}
}

func TestItContinuesEachOfItsCheckpoints(t *testing.T) {
	tree, hashes := log(t)
	earlier, err := filepath.Glob(os.Getenv("LOG") + ".proofs/*.checkpoint")
	if err != nil || len(earlier) < 8 {
		t.Fatalf("%d checkpoints: %v", len(earlier), err)
	}
	for _, path := range earlier {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		old := open(t, text)
		proof, err := tlog.ProveTree(tree.N, old.N, hashes)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
}

func TestOurProofsAreAccepted(t *testing.T) {
	paths, err := filepath.Glob(os.Getenv("LOG") + ".proofs/*.tlog-proof")
	if err != nil || len(paths) != 8 {
		t.Fatalf("%d proofs: %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) { checkProof(t, path) })
	}
}

func checkProof(t *testing.T, path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, checkpoint, _ := strings.Cut(string(text), "\n\n")
	tree := open(t, []byte(checkpoint))
	lines := strings.Split(head, "\n")
	if lines[0] != "c2sp.org/tlog-proof@v1" {
		t.Fatal(lines[0])
	}
	entry, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	if err != nil {
		t.Fatal(err)
	}
	var index int64
	if _, err := fmt.Sscanf(lines[2], "index %d", &index); err != nil {
		t.Fatal(err)
	}
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			t.Fatal(err)
		}
		proof = append(proof, hash)
	}
	if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry)); err != nil {
		t.Fatal(err)
	}
	if tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash([]byte("another"))) == nil {
		t.Fatal("it is of any entry")
	}
}
