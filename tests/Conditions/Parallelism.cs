// Native engines use every core themselves; classes side by side would only make the times of long tests unsteady.
[assembly: DoNotParallelize]
