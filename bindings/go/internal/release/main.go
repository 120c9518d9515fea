// Command release writes the files by which a module proxy, or any web server, serves this module: its list of versions, and
// the go.mod, the time and the content of one version.
//
//	go run ./internal/release VERSION FOLDER
//
// FOLDER is then a proxy: GOPROXY=file://FOLDER.
package main

import (
	"archive/zip"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const module = "haft.dev/haft"

func main() {
	if len(os.Args) != 3 || !regexp.MustCompile(`^v[01]\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`).MatchString(os.Args[1]) {
		fmt.Fprintln(os.Stderr, "usage: release VERSION FOLDER, in the folder of go.mod; VERSION is as v0.1.0")
		os.Exit(2)
	}
	if err := release(os.Args[1], filepath.Join(os.Args[2], module, "@v")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func release(version, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(string(mod), "module "+module+"\n") {
		return fmt.Errorf("go.mod is not of %s", module)
	}
	info := fmt.Sprintf("{\"Version\":%q,\"Time\":%q}\n", version, time.Now().UTC().Format(time.RFC3339))
	for name, content := range map[string]string{version + ".mod": string(mod), version + ".info": info} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	if err := archive(filepath.Join(folder, version+".zip"), module+"@"+version+"/"); err != nil {
		return err
	}
	return list(folder)
}

// archive puts the module's files, and the licence of the repository, into a zip file.
func archive(name, prefix string) (err error) {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	z := zip.NewWriter(file)
	add := func(path, as string) error {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		w, err := z.Create(prefix + as)
		if err != nil {
			return err
		}
		_, err = w.Write(content)
		return err
	}
	err = filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if hidden := strings.HasPrefix(entry.Name(), ".") && path != "."; hidden {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		return add(path, filepath.ToSlash(path))
	})
	if err == nil {
		err = add("../../LICENSE", "LICENSE")
	}
	if e := z.Close(); err == nil {
		err = e
	}
	if e := file.Close(); err == nil {
		err = e
	}
	return err
}

// list writes the list of the versions that the folder has.
func list(folder string) error {
	names, err := filepath.Glob(filepath.Join(folder, "*.zip"))
	if err != nil {
		return err
	}
	var versions strings.Builder
	for _, name := range names {
		versions.WriteString(strings.TrimSuffix(filepath.Base(name), ".zip") + "\n")
	}
	return os.WriteFile(filepath.Join(folder, "list"), []byte(versions.String()), 0o644)
}
