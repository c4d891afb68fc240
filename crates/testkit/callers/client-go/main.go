// A program as an agent's author would write it: client-go with in-cluster configuration, and no word about
// Drawbridge. It lists config maps, makes one, waits until a watch shows it, and deletes it. With "hold" it
// watches until the watch ends, and with "poll" it lists once for every line of its standard input. With
// "informer" it keeps a store of the namespace NAME, with the kubeconfig of the environment, and writes what is
// in it for every line of its standard input. With "sweep" it deletes all config maps with the label sweep=NAME in
// one request.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	// Where Kubernetes tells a pod its namespace.
	namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
	// Nothing here takes longer.
	patience = time.Minute
)

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: client-go round|hold|poll|sweep|informer NAME"))
	}
	if os.Args[1] == "informer" {
		if err := informer(os.Args[2]); err != nil {
			fail(err)
		}
		return
	}
	maps, err := connect()
	if err != nil {
		fail(err)
	}
	switch os.Args[1] {
	case "round":
		err = round(maps, os.Args[2])
	case "hold":
		err = hold(maps)
	case "poll":
		err = poll(maps)
	case "sweep":
		err = sweep(maps, os.Args[2])
	default:
		err = fmt.Errorf("no such thing to do: %s", os.Args[1])
	}
	if err != nil {
		fail(err)
	}
}

func connect() (typed.ConfigMapInterface, error) {
	config, err := rest.InClusterConfig()
	if err != nil {
		return nil, err
	}
	set, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	namespace, err := os.ReadFile(namespaceFile)
	if err != nil {
		return nil, err
	}
	return set.CoreV1().ConfigMaps(strings.TrimSpace(string(namespace))), nil
}

func round(maps typed.ConfigMapInterface, name string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	list, err := maps.List(ctx, meta.ListOptions{})
	if err != nil {
		return err
	}
	fmt.Println("listed")
	watch, err := maps.Watch(ctx, meta.ListOptions{ResourceVersion: list.ResourceVersion})
	if err != nil {
		return err
	}
	defer watch.Stop()
	made := &core.ConfigMap{ObjectMeta: meta.ObjectMeta{Name: name}, Data: map[string]string{"by": "client-go"}}
	if _, err := maps.Create(ctx, made, meta.CreateOptions{}); err != nil {
		return err
	}
	fmt.Println("created")
	for event := range watch.ResultChan() {
		if seen, ok := event.Object.(*core.ConfigMap); ok && seen.Name == name {
			fmt.Println("watched")
			break
		}
	}
	if err := maps.Delete(ctx, name, meta.DeleteOptions{}); err != nil {
		return err
	}
	fmt.Println("deleted")
	return nil
}

func hold(maps typed.ConfigMapInterface) error {
	watch, err := maps.Watch(context.Background(), meta.ListOptions{})
	if err != nil {
		return err
	}
	fmt.Println("watching")
	for range watch.ResultChan() {
	}
	fmt.Println("ended")
	return nil
}

func poll(maps typed.ConfigMapInterface) error {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		_, err := maps.List(ctx, meta.ListOptions{})
		cancel()
		if err != nil {
			fmt.Println("refused:", err)
			continue
		}
		fmt.Println("listed")
	}
	return lines.Err()
}

func informer(namespace string) error {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	set, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	maps := set.CoreV1().ConfigMaps(namespace)
	source := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options meta.ListOptions) (runtime.Object, error) {
			return maps.List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options meta.ListOptions) (watch.Interface, error) {
			return maps.Watch(ctx, options)
		},
	}
	store := cache.NewStore(cache.MetaNamespaceKeyFunc)
	reflector := cache.NewReflector(source, &core.ConfigMap{}, store, 0)
	go reflector.RunWithContext(context.Background())
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var kept []string
		for _, one := range store.List() {
			kept = append(kept, one.(*core.ConfigMap).Name+"="+one.(*core.ConfigMap).ResourceVersion)
		}
		sort.Strings(kept)
		fmt.Println(lines.Text(), strings.Join(kept, " "))
	}
	return lines.Err()
}

func sweep(maps typed.ConfigMapInterface, label string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	chosen := meta.ListOptions{LabelSelector: "sweep=" + label}
	if err := maps.DeleteCollection(ctx, meta.DeleteOptions{}, chosen); err != nil {
		return err
	}
	fmt.Println("swept")
	return nil
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
