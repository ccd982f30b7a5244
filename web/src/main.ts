import '@fontsource-variable/atkinson-hyperlegible-next/wght.css';
import '@fontsource-variable/atkinson-hyperlegible-mono/wght.css';
import './tokens.css';
import './base.css';
import { mount } from 'svelte';
import Gate from './Gate.svelte';

const target = document.getElementById('app');
if (target) mount(Gate, { target });
