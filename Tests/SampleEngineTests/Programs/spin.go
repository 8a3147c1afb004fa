package main

import "os"

type Größe struct{ x uint64 }

//go:noinline
func (g *Größe) Spin(n int) {
	for i := 0; i < n; i++ {
		g.x += uint64(i) ^ g.x>>3
	}
}

func main() {
	g := &Größe{}
	g.Spin(len(os.Args))
}
