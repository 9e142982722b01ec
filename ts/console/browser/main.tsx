/** Starts the console's pages. Nothing else: the frame around them is app.tsx. */

import { render } from 'preact';
import { App } from './app.tsx';
import 'uplot/dist/uPlot.min.css';
import './app.css';

const root = document.getElementById('app');
if (root) render(<App />, root);
