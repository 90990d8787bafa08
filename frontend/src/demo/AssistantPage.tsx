import { useState } from 'react';
import { type AISelection, AISelector } from '../components/common/AISelector';
import { Tabs } from '../components/ui/Tabs';
import { playgroundTexts } from '../i18n/playground';
import { useTexts } from '../i18n/useTexts';
import styles from './assistant/Assistant.module.css';
import { CopyTask } from './assistant/CopyTask';
import { SentimentTask } from './assistant/SentimentTask';
import { SummaryTask } from './assistant/SummaryTask';
import { MODULE } from './assistant/TaskFrame';
import { TranslationTask } from './assistant/TranslationTask';

const TASKS = {
  copy: CopyTask,
  sentiment: SentimentTask,
  summary: SummaryTask,
  translation: TranslationTask,
} as const;

type TaskName = keyof typeof TASKS;

/** The four tasks, asked as the CRM asks them. */
export default function AssistantPage() {
  const t = useTexts(playgroundTexts);
  const [task, setTask] = useState<TaskName>('copy');
  const [selection, setSelection] = useState<AISelection | null>('auto');
  const provider = selection === 'auto' ? null : selection;
  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <h1 className={styles.title}>{t('title')}</h1>
        <div className={styles.selector}>
          <AISelector label={t('provider')} module={MODULE} value={selection} onChange={setSelection} />
        </div>
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
