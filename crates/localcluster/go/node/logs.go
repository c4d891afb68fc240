package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// How often a followed file is looked at. A line is seen this late at most.
const followInterval = 25 * time.Millisecond

// logs serves logs/CONTAINER.log of the pod's folder. The file holds bare lines; with timestamps=true each
// line is given the time at which it was read. A file that isn't there is an empty log, which following
// waits for. A container has no earlier run and lines have no time, so previous and sinceTime are not looked
// at.
func (n *node) logs(w http.ResponseWriter, r *http.Request) {
	directory, ok := n.podDirectory(w, r)
	if !ok {
		return
	}
	query := r.URL.Query()
	tail, err := count(query.Get("tailLines"))
	limit, limitErr := count(query.Get("limitBytes"))
	if err = errors.Join(err, limitErr); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	follow := query.Get("follow") == "true"
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(http.StatusOK)
	flush(w) // a follower gets its headers now, not with the first line
	var out io.Writer = flushed{w}
	if limit >= 0 {
		out = &limited{out, limit}
	}
	if query.Get("timestamps") == "true" {
		out = &stamped{to: out, atStart: true}
	}
	path := filepath.Join(directory, "logs", r.PathValue("container")+".log")
	copyLog(r.Context(), out, path, tail, follow)
}

func copyLog(ctx context.Context, out io.Writer, path string, tail int64, follow bool) {
	var file *os.File
	defer func() {
		if file != nil {
			_ = file.Close()
		}
	}()
	for {
		if file == nil {
			if opened, err := os.Open(path); err == nil {
				file = opened
				seekTail(file, tail)
			}
			tail = -1 // what is written from now on is all wanted
		}
		if file != nil {
			if _, err := io.Copy(out, file); err != nil {
				return
			}
			restartIfShortened(file)
		}
		if !follow {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(followInterval):
		}
	}
}

func restartIfShortened(file *os.File) {
	position, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return
	}
	if info, err := file.Stat(); err == nil && info.Size() < position {
		_, _ = file.Seek(0, io.SeekStart)
	}
}

// seekTail moves to the start of the last lines, reading backwards so that a long log costs what its tail
// costs.
func seekTail(file *os.File, lines int64) {
	if lines < 0 {
		return
	}
	end, err := file.Seek(0, io.SeekEnd)
	if err != nil || lines == 0 {
		return
	}
	chunk := make([]byte, 64<<10)
	wanted := lines
	for position := end; position > 0; {
		size := min(int64(len(chunk)), position)
		position -= size
		if _, err := file.ReadAt(chunk[:size], position); err != nil {
			return
		}
		for i := size - 1; i >= 0; i-- {
			// The newline that ends the log begins no line.
			if chunk[i] != '\n' || position+i == end-1 {
				continue
			}
			if wanted--; wanted == 0 {
				_, _ = file.Seek(position+i+1, io.SeekStart)
				return
			}
		}
	}
	_, _ = file.Seek(0, io.SeekStart)
}

// count reads an optional number; -1 when it isn't given.
func count(text string) (int64, error) {
	if text == "" {
		return -1, nil
	}
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number < 0 {
		return 0, fmt.Errorf("%q is not a count", text)
	}
	return number, nil
}

func flush(w http.ResponseWriter) {
	if flusher, ok := w.(http.Flusher); ok {
		flusher.Flush()
	}
}

type flushed struct{ http.ResponseWriter }

func (f flushed) Write(p []byte) (int, error) {
	count, err := f.ResponseWriter.Write(p)
	flush(f.ResponseWriter)
	return count, err
}

var errLimit = errors.New("the limit is reached")

type limited struct {
	to   io.Writer
	left int64
}

func (l *limited) Write(p []byte) (int, error) {
	take := min(int64(len(p)), l.left)
	count, err := l.to.Write(p[:take])
	l.left -= int64(count)
	if err == nil && l.left == 0 {
		err = errLimit
	}
	return count, err
}

type stamped struct {
	to      io.Writer
	atStart bool
}

func (s *stamped) Write(p []byte) (int, error) {
	var text bytes.Buffer
	for line := range bytes.Lines(p) {
		if s.atStart {
			text.WriteString(time.Now().UTC().Format(time.RFC3339Nano) + " ")
		}
		text.Write(line)
		s.atStart = line[len(line)-1] == '\n'
	}
	if _, err := s.to.Write(text.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}
