// Checks a log of a running service with Go's own packages (golang.org/x/mod/sumdb), none of this project's code:
// the checkpoint's signature, that a leaf is in the tree, and that the tree continues an older one.
//
//	go run main.go http://127.0.0.1:8000 policy 1
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func get(address string) []byte {
	answer, err := http.Get(address)
	if err != nil {
		log.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		log.Fatal(address, " ", answer.Status, " ", string(body), err)
	}
	return body
}

func hash(text string) (found tlog.Hash) {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw) != tlog.HashSize {
		log.Fatal("not a hash: ", text)
	}
	copy(found[:], raw)
	return found
}

func proof(address string) (index int64, hashes []tlog.Hash) {
	var body struct {
		Index  int64
		Hashes []string
	}
	if err := json.Unmarshal(get(address), &body); err != nil {
		log.Fatal(err)
	}
	for _, one := range body.Hashes {
		hashes = append(hashes, hash(one))
	}
	return body.Index, hashes
}

func main() {
	base, name := os.Args[1], os.Args[2]
	old, err := strconv.ParseInt(os.Args[3], 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	var keys struct {
		Data []struct {
			Name        string
			VerifierKey string `json:"verifier_key"`
		}
	}
	if err := json.Unmarshal(get(base+"/v1/public/logs"), &keys); err != nil {
		log.Fatal(err)
	}
	var verifier note.Verifier
	for _, one := range keys.Data {
		if one.Name == name {
			if verifier, err = note.NewVerifier(one.VerifierKey); err != nil {
				log.Fatal(err)
			}
		}
	}
	opened, err := note.Open(get(base+"/log/"+name+"/checkpoint"), note.VerifierList(verifier))
	if err != nil {
		log.Fatal("the checkpoint: ", err)
	}
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	root := hash(lines[2])
	fmt.Printf("checkpoint of %s: %d leaves, signed by %s\n", lines[0], size, opened.Sigs[0].Name)

	// The first tile holds the first leaf hashes; each leaf of the last older tree is proven on its own.
	width := size
	tile := "000"
	if width > 256 {
		width = 256
	}
	if width < 256 {
		tile = fmt.Sprintf("000.p/%d", width)
	}
	hashes := get(base + "/log/" + name + "/tile/0/" + tile)
	for number := int64(0); number < width; number++ {
		leaf := hash(base64.StdEncoding.EncodeToString(hashes[number*32 : number*32+32]))
		query := url.Values{"leaf_hash": {base64.StdEncoding.EncodeToString(leaf[:])}}
		index, path := proof(base + "/log/" + name + "/proof/inclusion?" + query.Encode())
		if index != number {
			log.Fatal("leaf ", number, " is said to be ", index)
		}
		if err := tlog.CheckRecord(tlog.RecordProof(path), size, root, index, leaf); err != nil {
			log.Fatal("leaf ", number, ": ", err)
		}
	}
	fmt.Printf("%d leaves are in it\n", width)

	// The older tree's root, from the leaves themselves.
	older, err := tlog.TreeHash(old, tlog.HashReaderFunc(func(indexes []int64) (found []tlog.Hash, err error) {
		var stored []tlog.Hash
		for number := int64(0); number < old; number++ {
			leaf := hash(base64.StdEncoding.EncodeToString(hashes[number*32 : number*32+32]))
			more, err := tlog.StoredHashesForRecordHash(number, leaf, tlog.HashReaderFunc(func(inner []int64) ([]tlog.Hash, error) {
				var known []tlog.Hash
				for _, one := range inner {
					known = append(known, stored[one])
				}
				return known, nil
			}))
			if err != nil {
				return nil, err
			}
			stored = append(stored, more...)
		}
		for _, one := range indexes {
			found = append(found, stored[one])
		}
		return found, nil
	}))
	if err != nil {
		log.Fatal(err)
	}
	_, path := proof(fmt.Sprintf("%s/log/%s/proof/consistency?from=%d&to=%d", base, name, old, size))
	if err := tlog.CheckTree(tlog.TreeProof(path), size, root, old, older); err != nil {
		log.Fatal("consistency: ", err)
	}
	fmt.Printf("it continues the tree of %d leaves\n", old)
}
