import { type ReactNode, useState } from 'react';
import type { ProviderName } from '@/api/providers';
import { Tabs } from '@/components/ui/Tabs';
import { useTexts } from '@/i18n/useTexts';
import { assistantTexts } from '../i18n/assistantTexts';
import styles from './Assistant.module.css';
import { CopyTask } from './CopyTask';
import { SentimentTask } from './SentimentTask';
import { SummaryTask } from './SummaryTask';
import { TranslationTask } from './TranslationTask';

const TASKS = {
  copy: CopyTask,
  sentiment: SentimentTask,
  summary: SummaryTask,
  translation: TranslationTask,
} as const;

type TaskName = keyof typeof TASKS;

interface AssistantProps {
  /** null means the tenant's own order of providers. */
  readonly provider: ProviderName | null;
  readonly providerSelector: ReactNode;
}

/** The four tasks in tabs, with a provider selector above them. */
export function Assistant({ provider, providerSelector }: AssistantProps) {
  const t = useTexts(assistantTexts);
  const [task, setTask] = useState<TaskName>('copy');
  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <h1 className={styles.title}>{t('title')}</h1>
        <div className={styles.selector}>{providerSelector}</div>
      </header>
      <Tabs<TaskName>
        label={t('tasks')}
        value={task}
        onChange={setTask}
        keepMounted
        tabs={(Object.keys(TASKS) as TaskName[]).map((value) => {
          const Task = TASKS[value];
          return { value, label: t(`${value}.tab`), content: <Task provider={provider} /> };
        })}
      />
    </div>
  );
}
